//! The STAC API.

use seedbed_fixture::{Listings, Post, Server, ServerOptions};
use serde_json::{Value, json};

use super::super::client::{get, get_with, send};
use super::super::{python, run_python};
use super::small;

const API: &str = "/api/stac/v1";

fn post(server: &Server, body: &Value) -> Value {
    let url = format!("{}{API}/search", server.base_url());
    let answer = send("POST", &url, &[("Content-Type", "application/json")], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn next(page: &Value) -> Option<Value> {
    page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").cloned()
}

fn ids(page: &Value) -> Vec<String> {
    let features = page["features"].as_array().unwrap();
    features.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// pystac-client's own way through the API.
const CLIENT: &str = r"
import sys, json, pystac_client
url, key = sys.argv[1].split(' ')
client = pystac_client.Client.open(url + '/api/stac/v1', headers={'X-API-Key': key} if key else None)
assert [c.id for c in client.get_collections()] == ['modis-13Q1-061', 'modis-13A1-061']
assert client.conforms_to('FILTER') and client.conforms_to('SORT') and client.conforms_to('FIELDS')
assert 'modis:horizontal-tile' in client.get_collection('modis-13Q1-061').get_queryables()['properties']
counts = {}
for method in ('POST', 'GET'):
    every = lambda **kw: list(client.search(method=method, collections=['modis-13Q1-061'], **kw).items())
    both = every(limit=7)
    assert len({i.id for i in both}) == len(both)
    terra = every(filter={'op': '=', 'args': [{'property': 'platform'}, 'terra']}, filter_lang='cql2-json')
    text = every(filter='platform = \'terra\' AND modis:horizontal-tile > 9', filter_lang='cql2-text')
    oldest = every(sortby=['+properties.start_datetime', '-id'], max_items=5, limit=2)
    starts = [i.properties['start_datetime'] for i in oldest]
    assert starts == sorted(starts) and starts[0] == '2003-01-01T00:00:00Z', starts
    box = every(bbox=[-75.2, 41.1, -75.0, 41.3], datetime='2003-03-01/2003-03-31')
    area = {'type': 'Point', 'coordinates': [-75.1, 41.2]}
    assert [i.id for i in every(intersects=area, datetime='2003-03-01/2003-03-31')] == [i.id for i in box]
    some = every(fields=['type', 'stac_version', 'geometry', 'bbox', 'links', 'assets', 'properties.datetime',
                         'properties.start_datetime', 'properties.end_datetime', 'properties.platform', '-assets.hdf'], max_items=1)[0].to_dict()
    assert set(some['properties']) == {'datetime', 'start_datetime', 'end_datetime', 'platform'} and 'hdf' not in some['assets'], some
    after = every(datetime='2003-12-20T00:00:00Z/..')
    one = list(client.search(method=method, ids=[both[3].id]).items())
    assert [i.id for i in one] == [both[3].id]
    matched = client.search(method=method, collections=['modis-13Q1-061']).matched()
    counts[method] = [len(both), len(terra), len(text), len(box), len(after), matched]
assert counts['GET'] == counts['POST'], counts
item = client.get_collection('modis-13A1-061').get_item(next(client.get_collection('modis-13A1-061').get_items()).id)
assert item.assets['500m_16_days_NDVI'].extra_fields['raster:bands'][0]['scale'] == 0.0001
print(json.dumps(counts['GET']))
";

#[test]
fn pystac_client_searches_by_both_methods_with_filter_sort_and_fields() {
    let Some(python) = python() else { return };
    let server = small(ServerOptions { stac_key: Some("k3y".into()), ..ServerOptions::wide() });
    let told = run_python(&python, CLIENT, &format!("{} k3y", server.base_url()));
    let all = Listings::small().stac_items("modis-13Q1-061");
    // Two tiles and 23 composites of each satellite, and a second production of both.
    assert_eq!(all, 2 * (2 * 23 + 1));
    let told: Vec<usize> = serde_json::from_str(&told).unwrap();
    // March 2003 is met by three composites of Terra and by three of Aqua; 20 December and later,
    // on two tiles, by one of Terra and one of Aqua that began before, and one more of Aqua.
    assert_eq!(told, [all, 47, 23, 6, 2 * 3, all]);
}

#[test]
fn posted_pages_repeat_their_body_or_are_to_be_merged() {
    for way in [Post::Repeated, Post::Merged] {
        let server = small(ServerOptions { stac_post: way, ..ServerOptions::wide() });
        let body =
            json!({ "collections": ["modis-13A1-061"], "limit": 40, "datetime": "2003-01-01T00:00:00Z/.." });
        let first = post(&server, &body);
        let link = next(&first).unwrap();
        assert_eq!(link["merge"] == true, way == Post::Merged);
        let mut again = if way == Post::Merged { body.clone() } else { json!({}) };
        for (key, value) in link["body"].as_object().unwrap() {
            again[key] = value.clone();
        }
        let second = post(&server, &again);
        let third = next(&second).map(|link| {
            let mut body = again.clone();
            body["token"] = link["body"]["token"].clone();
            post(&server, &body)
        });
        let mut all = [ids(&first), ids(&second), ids(&third.unwrap())].concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), Listings::small().stac_items("modis-13A1-061"));
    }
}

#[test]
fn an_api_without_post_says_so_and_refuses_it() {
    let server = small(ServerOptions { stac_post: Post::Refused, ..ServerOptions::wide() });
    let url = format!("{}{API}", server.base_url());
    let answer = send("POST", &format!("{url}/search"), &[], b"{}");
    assert_eq!(answer.status, 405);
    let landing = get(&format!("{url}/")).json();
    let methods: Vec<&Value> = landing["links"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|l| l["rel"] == "search")
        .map(|l| &l["method"])
        .collect();
    assert_eq!(methods, ["GET"]);
    let page = get(&format!("{url}/search?limit=3")).json();
    let next = next(&page).unwrap();
    assert_ne!(ids(&get(next["href"].as_str().unwrap()).json()), ids(&page));
}

#[test]
fn a_basic_api_ignores_what_it_does_not_conform_to() {
    let server = small(ServerOptions { stac_basic: true, ..ServerOptions::wide() });
    let url = format!("{}{API}", server.base_url());
    let conformance = get(&format!("{url}/conformance")).text();
    assert!(!conformance.contains("filter") && !conformance.contains("#sort"));
    let all = post(&server, &json!({ "collections": ["modis-13Q1-061"], "limit": 1000 }));
    let asked = post(
        &server,
        &json!({
            "collections": ["modis-13Q1-061"], "limit": 1000,
            "filter": { "op": "=", "args": [{ "property": "platform" }, "terra"] },
            "sortby": [{ "field": "id", "direction": "asc" }], "fields": { "include": ["id"] },
        }),
    );
    assert_eq!(all["features"], asked["features"]);
}

#[test]
fn an_api_with_a_key_answers_nobody_without_it() {
    let server = small(ServerOptions { stac_key: Some("k3y".into()), ..ServerOptions::wide() });
    let url = format!("{}{API}/collections", server.base_url());
    assert_eq!(get(&url).status, 401);
    assert_eq!(get_with(&url, &[("X-API-Key", "other")]).status, 401);
    assert_eq!(get_with(&url, &[("X-API-Key", "k3y")]).status, 200);
}

#[test]
fn a_filter_that_is_not_understood_is_refused() {
    let server = small(ServerOptions::wide());
    let url = format!("{}{API}/search", server.base_url());
    for query in ["filter=platform%20~%201", "bbox=1,2,3", "datetime=2003", "limit=0", "token=page2"] {
        assert_eq!(get(&format!("{url}?{query}")).status, 400, "{query}");
    }
    assert_eq!(send("POST", &url, &[], b"{").status, 400);
}

#[test]
fn the_blobs_that_items_tell_of_are_there() {
    let server = small(ServerOptions::wide());
    let page = post(&server, &json!({ "collections": ["modis-13Q1-061"], "limit": 1 }));
    let assets = page["features"][0]["assets"].as_object().unwrap();
    assert_eq!(assets.len(), 14);
    for (key, asset) in assets {
        let answer = get(asset["href"].as_str().unwrap());
        assert_eq!(answer.status, 200, "{key}");
        let magic: &[u8] = match key.as_str() {
            "hdf" => b"\x0e\x03\x13\x01",
            "metadata" => b"<?xml",
            _ => b"II*\0",
        };
        assert!(answer.body.starts_with(magic), "{key}");
    }
}

#[test]
fn a_box_over_the_antimeridian_meets_the_tile_on_it() {
    let server = Server::start_listings(Listings::default(), ServerOptions::wide()).unwrap();
    let found = |bbox: [i32; 4]| {
        post(&server, &json!({ "collections": ["modis-13Q1-061"], "limit": 1, "bbox": bbox }))["numberMatched"]
            .as_u64()
            .unwrap()
    };
    let terra_and_aqua = 69 + 58;
    assert_eq!(found([178, 60, -178, 66]), terra_and_aqua);
    assert_eq!(found([-180, 64, -178, 66]), terra_and_aqua);
    assert_eq!(found([0, 60, 10, 62]), 0);
}

/// Filters in text and JSON against the same conditions in Python over all items.
const FILTERS: &str = r"
import sys, fnmatch, pystac_client
client = pystac_client.Client.open(sys.argv[1] + '/api/stac/v1')
items = [i.to_dict() for i in client.search(collections=['modis-13Q1-061']).items()]
P = lambda name: {'property': name}
op = lambda name, *args: {'op': name, 'args': list(args)}
h, start = 'modis:horizontal-tile', 'start_datetime'
cases = [
    (f'{h} <> 12', op('<>', P(h), 12), lambda p, i: p[h] != 12),
    (f'{h} < 12 OR platform = \'aqua\'', op('or', op('<', P(h), 12), op('=', P('platform'), 'aqua')),
     lambda p, i: p[h] < 12 or p['platform'] == 'aqua'),
    (f'NOT ({h} <= 9 AND platform = \'aqua\')', op('not', op('and', op('<=', P(h), 9), op('=', P('platform'), 'aqua'))),
     lambda p, i: not (p[h] <= 9 and p['platform'] == 'aqua')),
    ('id LIKE \'MYD13Q1.A2003_2%\'', op('like', P('id'), 'MYD13Q1.A2003_2%'),
     lambda p, i: fnmatch.fnmatchcase(i, 'MYD13Q1.A2003?2*')),
    (f'{h} IN (9, 10) AND \'x\' = \'x\'', op('and', op('in', P(h), [9, 10]), op('=', 'x', 'x')), lambda p, i: p[h] in (9, 10)),
    (f'{h} NOT IN (9)', op('not', op('in', P(h), [9])), lambda p, i: p[h] != 9),
    (f'{h} BETWEEN 10 AND 12', op('between', P(h), 10, 12), lambda p, i: 10 <= p[h] <= 12),
    ('\'proj:epsg\' = \'x\' OR proj:epsg IS NULL', op('or', op('=', 'proj:epsg', 'x'), op('isNull', P('proj:epsg'))),
     lambda p, i: p.get('proj:epsg') is None),
    ('platform IS NOT NULL', op('not', op('isNull', P('platform'))), lambda p, i: True),
    ('cloud > 3', op('>', P('cloud'), 3), lambda p, i: False),
    (f'{start} >= TIMESTAMP(\'2003-06-01T00:00:00Z\')', op('>=', P(start), {'timestamp': '2003-06-01T00:00:00Z'}),
     lambda p, i: p[start] >= '2003-06-01'),
    (f'{start} < DATE(\'2003-06-01\')', op('<', P(start), {'date': '2003-06-01'}), lambda p, i: p[start] < '2003-06-01'),
]
for text, json, holds in cases:
    wanted = {i['id'] for i in items if holds(i['properties'], i['id'])}
    for filter, lang in ((text, 'cql2-text'), (json, 'cql2-json')):
        search = client.search(collections=['modis-13Q1-061'], filter=filter, filter_lang=lang,
                               method='GET' if lang == 'cql2-text' else 'POST')
        assert {i.id for i in search.items()} == wanted, (text, lang, len(wanted))
print(len(cases))
";

#[test]
fn filters_choose_what_the_same_conditions_in_python_choose() {
    let Some(python) = python() else { return };
    let server = small(ServerOptions::wide());
    assert_eq!(run_python(&python, FILTERS, server.base_url()), "12\n");
}
