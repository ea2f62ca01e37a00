"""`python -m command_line`: the same as `creditbase`."""

import sys

from command_line.app import main

sys.exit(main())
