"""python -m gwimage"""

from gwimage.commands.main import main

main()
