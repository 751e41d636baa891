# SPDX-License-Identifier: Apache-2.0
# Modules are imported on the way: they stay, and so do their tables.
# verdict: none
import importlib
import time

NAMES = """argparse ast base64 calendar configparser csv datetime decimal difflib dis email.message
fractions ftplib html.parser http.client inspect json logging.handlers mailbox optparse pathlib
pickletools pprint shlex statistics string tarfile textwrap typing unittest urllib.request uuid
xml.dom.minidom xml.etree.ElementTree zipfile"""

for name in NAMES.split():
    importlib.import_module(name)
    time.sleep(0.005)
print("done")
