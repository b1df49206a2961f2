"""`python -m tpgen`."""

import sys

from tpgen.cli.main import main

sys.exit(main())
