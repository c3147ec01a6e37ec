d = np.load(sys.argv[1])
# Rows and columns with a defect on purpose: stored nodata, WHC of 0, a flood.
clean = np.ones((8, 8), bool)
clean[7] = False
clean[7, 6] = True
clean[6, 5] = clean[6, 7] = False
dates = [f"{y:04}-{m:02}-{n:02}" for y, m, n in zip(d["year"], d["month"], d["day"])]
months = [f"{int(y):04}-{int(m):02}" for y, m in d["month_keys"]]
years = [f"{int(y):04}" for y in d["year_keys"]]
golden = {
    "daily": (dates[:60], [k[6:] for k in d if k.startswith("daily_")]),
    "monthly": (months, ["etasw", "dd", "srf", "etc", "netet"]),
    "yearly": (years, ["etasw", "dd", "srf", "etc", "netet", "rain", "swe"]),
}
result = {}
for root, kinds in json.loads(sys.argv[2]).items():
    found = assembled(root, (-106.8, 47.4), 0.325, (8, 8))
    for kind in kinds:
        periods, names = golden[kind]
        worst, compared, other, masks = 0.0, 0, 0.0, 0
        for i, period in enumerate(periods):
            for name in names:
                want, got = d[f"{kind}_{name}"][i], found[period][name]
                masks += int((np.isnan(want) != np.isnan(got)).sum())
                off = np.abs(want - got)
                assert np.isfinite(off[clean]).all(), (root, period, name)
                worst, compared = max(worst, off[clean].max()), compared + int(clean.sum())
                other = max(other, np.nanmax(off[~clean], initial=0.0))
        result[f"{root} {kind}"] = [compared, worst, other, masks]
print(json.dumps(result))
