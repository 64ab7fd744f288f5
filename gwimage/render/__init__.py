"""Renderers: each turns the plan into files of one program, {path: File}, and knows nothing else."""
