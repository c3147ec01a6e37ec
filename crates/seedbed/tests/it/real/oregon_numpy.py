import datetime, importlib.util
from rasterio.warp import transform

spec = importlib.util.spec_from_file_location("peer", sys.argv[1])
peer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peer)
at = int(sys.argv[2])
corner, size, shape = (-1972000 + at * 2000, 2636000 - at * 2000), 2000, (24, 24)
window = np.s_[at:at + 24, at:at + 24]
canvas = ((-1972000, 2636000), 2000, (150, 150))
cut = lambda root: {day: {k: v[window] for k, v in found.items()} for day, found in assembled(root, *canvas).items()}
weather, ndvi = cut("weather"), {datetime.date.fromisoformat(d): v["ndvi"] for d, v in cut("greenness").items()}
whc = cut("soil")["2000-01-01"]["awc"] * 25.4 * 3
x, y = np.meshgrid(corner[0] + size * (np.arange(24) + 0.5), corner[1] - size * (np.arange(24) + 0.5))
phi = np.radians(np.reshape(transform("EPSG:5070", "EPSG:4326", x.ravel(), y.ravel())[1], shape))

def hargreaves(day, tmin, tmax):
    j = day.timetuple().tm_yday
    d_r = 1 + 0.033 * np.cos(2 * np.pi / 365 * j)
    delta = 0.409 * np.sin(2 * np.pi / 365 * j - 1.39)
    w_s = np.arccos(-np.tan(phi) * np.tan(delta))
    r_a = 24 * 60 / np.pi * 0.0820 * d_r * (w_s * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.sin(w_s))
    return np.maximum(0.0023 * ((tmin + tmax) / 2 + 17.8) * np.sqrt(tmax - tmin) * 0.408 * r_a, 0)

same = np.ones(shape)
model = peer.VegET(whc, 300 * same, 450 * same, 10 * same, 0 * same, dtype=np.float64, p=dict(peer.P, b=1.1))
runs = assembled("days", corner, size, shape)
assert sorted(runs) == sorted(weather)
starts = sorted(ndvi)
worst, masks, compared = {}, 0, 0
for name in sorted(weather):
    day = datetime.date.fromisoformat(name)
    w = weather[name]
    tmin, tmax = w["tmin"] - 273.15, w["tmax"] - 273.15
    before = max(d for d in starts if d <= day)
    after = min(d for d in starts if d > day)
    green = ndvi[before] + (day - before).days / (after - before).days * (ndvi[after] - ndvi[before])
    for key, want in model.step(w["ppt"], tmin, tmax, (tmin + tmax) / 2, green, hargreaves(day, tmin, tmax)).items():
        got = runs[name][key]
        masks += int((np.isfinite(want) != np.isfinite(got)).sum())
        there = np.isfinite(want) & np.isfinite(got)
        compared += int(there.sum())
        worst[key] = max(worst.get(key, 0.0), float(np.abs(want - got)[there].max(initial=0)))
print(json.dumps({"worst": worst, "masks": masks, "compared": compared, "land": int(np.isfinite(whc).sum())}))
