"""pystac opens each catalog, walks it, validates every document and finds every file."""
import hashlib, json, os, sys
import pystac

found = {"documents": 0, "items": 0, "assets": 0, "links": 0}
for name in sys.argv[1:]:
    root = pystac.Catalog.from_file(name)
    items = list(root.get_items(recursive=True))
    documents = [root, *root.get_all_collections(), *items]
    for document in documents:
        # pystac brings the core schemas along, those of extensions it would fetch.
        extensions, document.stac_extensions = document.stac_extensions, []
        document.validate()
        document.stac_extensions = extensions
        for link in document.links:
            target = link.get_absolute_href()
            if not target.startswith("http"):
                assert os.path.exists(target), (document.id, link.rel, target)
                found["links"] += 1
    for item in items:
        assert item.get_parent().id == item.collection_id == item.get_collection().id
        for key, asset in item.assets.items():
            target = asset.get_absolute_href()
            if target.startswith("http"):
                # Of the archive's assets only the chosen ones were copied.
                assert "alternate" not in asset.extra_fields, target
                continue
            with open(target, "rb") as file:
                data = file.read()
            assert len(data) == asset.extra_fields["file:size"], target
            assert "1220" + hashlib.sha256(data).hexdigest() == asset.extra_fields["file:checksum"], target
            found["assets"] += 1
    found["documents"] += len(documents)
    found["items"] += len(items)
print(json.dumps(found))
