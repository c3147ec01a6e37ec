corner, size, shape = (-1972000, 2636000), 2000, (150, 150)
weather = assembled("weather", corner, size, shape)
whc = assembled("soil", corner, size, shape)["2000-01-01"]["awc"] * 25.4 * 3
days = sorted(weather)
assert len(days) == 366 and days[59] == "2000-02-29", days[:60]
P = sum(weather[day]["ppt"] for day in days)
land = np.isfinite(whc) & (whc > 0)
for day in days:
    for name in ("ppt", "tmin", "tmax"):
        land &= np.isfinite(weather[day][name])
result = {"land": int(land.sum()), "whc": [float(np.nanmin(whc)), float(np.nanmax(whc))]}
for run in ("f64", "f32"):
    y = assembled(run, corner, size, shape)["2000"]
    R = P - (y["intercept"] + y["etasw"] + y["srf"] + y["dd"] + y["swf"] + y["snwpk"] - whc / 2)
    assert np.isfinite(R[land]).all(), "a land pixel has no balance"
    assert not np.isfinite(y["etasw"][~land]).any(), "a pixel without soil or weather has ET"
    bound = 2.0 ** -24 * (366 * (2 * y["swe"] + 3 * whc) + 26 * P)
    result[run] = {
        "worst": float(np.abs(R[land]).max()),
        "bound": [float(bound[land].min()), float(bound[land].max())],
        "share": float((np.abs(R) / bound)[land].max()),
        "ppt": float(P[land].mean()), "etasw": float(y["etasw"][land].mean()),
        "runoff": float((y["srf"] + y["dd"])[land].mean()), "swe": float(y["swe"][land].mean()),
    }
print(json.dumps(result))
