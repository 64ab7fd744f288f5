"""`python -m gwimage.render.defects`: docs/defects.md."""

from gwimage.render import defects

if __name__ == "__main__":
    print(defects.page(), end="")
