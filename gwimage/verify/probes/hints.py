"""Sentences and names shared by the advice on several kinds of probes."""


def silent(network: str) -> str:
    return (
        f"Nothing at all came from the gateway on {network}: console.log says whether it booted; then look whether its "
        f"card is the one that the profile names for {network}."
    )


def explain(start: str, end: str, protocol: str, port: int | str) -> str:
    return f"`gwimage explain PROFILE --from {start} --to {end} --{protocol} {port}`"
