"""rio-cogeo validates every COG below the folders, strictly: a warning counts."""
import collections, glob, json, os, sys
from rio_cogeo.cogeo import cog_validate

files = sorted(f for top in sys.argv[1:] for f in glob.glob(f"{top}/*/*/*/*.tif"))
errors, warnings = {}, collections.Counter()
for file in files:
    valid, found, warned = cog_validate(file, quiet=True)
    if found or not valid:
        errors[file] = found
    warnings.update(warned)
print(json.dumps({"cogs": len(files), "errors": errors, "warnings": warnings}))
