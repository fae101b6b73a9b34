"""What `manage.py migrate` is to the server behind it: it takes so long, and may fail."""

import os
import sys
import time

print("Running migrations:", flush=True)
time.sleep(float(os.environ.get("ASGI_MIGRATE_SECONDS", "0")))
sys.exit(int(os.environ.get("ASGI_MIGRATE_EXIT", "0")))
