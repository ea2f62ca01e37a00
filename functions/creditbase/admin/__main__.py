"""`python -m creditbase.admin`: the operator's commands."""

import sys

from creditbase.admin.command import main

sys.exit(main(sys.argv[1:]))
