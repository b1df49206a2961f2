"""`python -m tpgen`."""

import sys

from .cli import main

sys.exit(main())
