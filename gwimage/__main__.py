"""python -m gwimage"""

from gwimage.cli import main

main()
