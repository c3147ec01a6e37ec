import json, os, sys
import pystac

root = pystac.Catalog.from_file(sys.argv[1])
items = list(root.get_items(recursive=True))
documents = [root, *root.get_all_collections(), *items]
for document in documents:
    # pystac brings the core schemas along, those of extensions it would fetch.
    extensions, document.stac_extensions = document.stac_extensions, []
    document.validate()
    document.stac_extensions = extensions
    for link in document.links:
        target = link.get_absolute_href()
        assert target.startswith("http") or os.path.exists(target), (document.id, link.rel, target)
for item in items:
    assert item.get_parent().id == item.collection_id == item.get_collection().id
    assert all(a.href.startswith("https://data.ornldaac.earthdata.nasa.gov/") for a in item.assets.values())
print(json.dumps({"documents": len(documents), "items": len(items), "assets": sum(len(i.assets) for i in items)}))
