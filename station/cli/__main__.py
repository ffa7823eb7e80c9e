"""`python -m station.cli`: the same as `chargebox`."""

import sys

from station.cli.main import main

sys.exit(main())
