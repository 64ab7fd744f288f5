"""Renderers: each turns the plan into the files of one program, {path: File}; must not know other programs."""
