"""cloud-init's own NoCloud reader, run by Debian 13's Python: prints its result for each folder given, as a line of JSON.

A folder is cloud-init's /var/lib/cloud, with the volume's files in seed/nocloud.
"""

import json
import sys

from cloudinit import helpers
from cloudinit.distros import fetch
from cloudinit.sources.DataSourceNoCloud import DataSourceNoCloud

for folder in sys.argv[1:]:
    paths = helpers.Paths({"cloud_dir": folder, "run_dir": f"{folder}/run"})
    source = DataSourceNoCloud({"datasource": {"NoCloud": {"fs_label": None}}}, fetch("debian")("debian", {}, paths), paths)
    taken = source.get_data()
    parts = [part.get_content_type() for part in source.get_userdata().walk() if not part.is_multipart()] if taken else []
    said = {"instance": source.get_instance_id(), "parts": parts, "network": source.network_config} if taken else {}
    print(json.dumps([folder, {"taken": taken} | said]))
