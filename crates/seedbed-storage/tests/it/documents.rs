//! The HTTP policy: retries, waits, redirects, credentials, limits.

use crate::server::{End, Reply, Server};
use crate::{at, hasty, stores, told};
use seedbed_storage::{Credentials, Meta, Request, Settings, StorageError, Stores};
use std::time::{Duration, Instant, SystemTime};

#[tokio::test]
async fn recovers_from_a_server_that_is_busy_twice() {
    let server = Server::start(|_, n| if n < 2 { Reply::new(503, "") } else { Reply::ok("here") }).await;
    assert_eq!(stores().read_document(&at(&server.url("/x"))).await.unwrap(), "here");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn gives_up_on_a_server_that_stays_busy_and_says_that_later_may_do() {
    let server =
        Server::start(|_, _| Reply::new(503, "overloaded").header("content-type", "text/plain")).await;
    let error = stores().read_document(&at(&server.url("/x?token=s3cret"))).await.unwrap_err();
    assert!(error.retryable() && error.status() == Some(503));
    assert_eq!(server.seen().len(), 4, "one attempt and three retries");
    let told = told(&error);
    assert!(told.contains("gave up after 4 attempts") && !told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn waits_as_long_as_retry_after_asks_in_seconds() {
    let server = Server::start(|_, n| match n {
        0 => Reply::new(429, "").header("retry-after", "1"),
        _ => Reply::ok("here"),
    })
    .await;
    let start = Instant::now();
    assert_eq!(stores().read_document(&at(&server.url("/x"))).await.unwrap(), "here");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn waits_until_the_date_that_retry_after_names() {
    // Dates are whole seconds: two from the last full one is at least one from now.
    let until = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    let server = Server::start(move |_, n| match n {
        0 => Reply::new(503, "").header("retry-after", &until),
        _ => Reply::ok("here"),
    })
    .await;
    let start = Instant::now();
    assert_eq!(stores().read_document(&at(&server.url("/x"))).await.unwrap(), "here");
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_request_told_to_wait_holds_back_the_others_to_that_host() {
    let server = Server::start(|seen, n| match (seen.path.as_str(), n) {
        ("/a", 0) => Reply::new(429, "").header("retry-after", "1"),
        _ => Reply::ok("here"),
    })
    .await;
    let (stores, start) = (stores(), Instant::now());
    let (a, b) = (at(&server.url("/a")), at(&server.url("/b")));
    let first = stores.read_document(&a);
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stores.read_document(&b).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(server.seen().len(), 3);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn does_not_sit_out_an_unreasonable_wait() {
    let server = Server::start(|_, _| Reply::new(429, "").header("retry-after", "86400")).await;
    let error = stores().read_document(&at(&server.url("/x"))).await.unwrap_err();
    assert!(matches!(error, StorageError::Wait { status: 429, .. }) && error.retryable(), "{}", told(&error));
    assert!(error.to_string().contains("86400 s"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_told_at_once_and_not_repeated() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/gone" => Reply::new(404, ""),
        "/denied" => Reply::new(403, "token s3cret is no good").header("content-type", "text/plain"),
        _ => Reply::new(400, r#"{"errors":["bad page_size"]}"#).header("content-type", "application/json"),
    })
    .await;
    let stores = stores();
    let gone = stores.read_document(&at(&server.url("/gone"))).await.unwrap_err();
    assert!(gone.is_not_found() && !gone.retryable(), "{}", told(&gone));
    let denied = stores.read_document(&at(&server.url("/denied"))).await.unwrap_err();
    assert!(matches!(denied, StorageError::Denied { status: 403, .. }), "{}", told(&denied));
    assert!(!told(&denied).contains("s3cret"));
    let bad = stores.read_document(&at(&server.url("/bad?q=1"))).await.unwrap_err();
    assert!(bad.to_string().contains("bad page_size") && !bad.retryable(), "{}", told(&bad));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn reads_again_what_was_cut_reset_or_stalled() {
    for end in [End::Close, End::Reset, End::Hang] {
        let server = Server::start(move |_, n| match n {
            0 => Reply::ok(vec![b'x'; 50_000]).cut(20_000, end),
            1 => Reply::ok(vec![b'x'; 50_000]).cut(0, end),
            _ => Reply::ok(vec![b'x'; 50_000]),
        })
        .await;
        let body = stores().read_document(&at(&server.url("/x"))).await.unwrap();
        assert_eq!((body.len(), server.seen().len()), (50_000, 3), "{end:?}");
    }
}

#[tokio::test]
async fn a_chunked_body_without_its_end_is_no_body() {
    let half = b"5\r\nhello\r\n".to_vec();
    let server = Server::start(move |_, _| {
        Reply::ok(half.clone()).header("transfer-encoding", "chunked").unmeasured()
    })
    .await;
    let error = stores().read_document(&at(&server.url("/x"))).await.unwrap_err();
    assert!(error.retryable() && server.seen().len() == 4, "{}", told(&error));
}

#[tokio::test]
async fn a_server_that_never_answers_or_is_not_there_is_worth_another_day() {
    let server = Server::start(|_, _| Reply::ok("late").after(Duration::from_secs(30))).await;
    let hurried = Settings { retries: 1, connect_timeout: Duration::from_millis(100), ..hasty() };
    let stores = Stores::new(hurried).unwrap();
    let silent = stores.read_document(&at(&server.url("/x?sig=s3cret"))).await.unwrap_err();
    let absent = stores.read_document(&at("http://127.0.0.1:9/x?sig=s3cret")).await.unwrap_err();
    for error in [silent, absent] {
        assert!(error.retryable() && !told(&error).contains("s3cret"), "{}", told(&error));
    }
}

#[tokio::test]
async fn follows_redirects_and_tells_where_it_ended() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/a" => Reply::redirect("b/?q=1"),
        "/b/?q=1" => Reply::redirect("../c.xml"),
        _ => Reply::ok("here"),
    })
    .await;
    let response = stores().request(Request::get(server.url("/a").parse().unwrap())).await.unwrap();
    assert_eq!((response.url.path(), response.body.as_ref()), ("/c.xml", &b"here"[..]));
}

#[tokio::test]
async fn a_credential_stays_with_its_host_across_redirects() {
    let other = Server::start(|_, _| Reply::ok("signed bytes")).await;
    let target = other.url("/bytes?sig=1");
    let server = Server::start(move |seen, _| match seen.path.as_str() {
        "/a" => Reply::redirect("/b"),
        _ => Reply::redirect(&target),
    })
    .await;
    let request = Request::get(server.url("/a").parse().unwrap())
        .header("Authorization", "Bearer s3cret")
        .header("Cookie", "session=s3cret")
        .header("X-Api-Key", "s3cret")
        .header("Accept", "application/json");
    assert!(!format!("{request:?}").contains("s3cret"));
    let response = stores().request(request).await.unwrap();
    assert_eq!(response.body, "signed bytes");
    for seen in server.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer s3cret"));
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
    }
    let elsewhere = &other.seen()[0];
    assert_eq!(elsewhere.header("accept"), Some("application/json"));
    let text = format!("{:?}", elsewhere.headers);
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_credential_comes_back_with_the_way_home() {
    let home = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let back = std::sync::Arc::clone(&home);
    let other = Server::start(move |_, _| Reply::redirect(back.get().unwrap())).await;
    let away = other.url("/login");
    let server = Server::start(move |seen, _| match seen.path.as_str() {
        "/a" => Reply::redirect(&away),
        _ => Reply::ok("here"),
    })
    .await;
    home.set(server.url("/b")).unwrap();
    let request = Request::get(server.url("/a").parse().unwrap()).header("authorization", "Bearer t");
    assert_eq!(stores().request(request).await.unwrap().body, "here");
    assert_eq!(other.seen()[0].header("authorization"), None);
    assert_eq!(server.seen()[1].header("authorization"), Some("Bearer t"));
}

#[tokio::test]
async fn a_refusal_says_that_netrc_is_not_used_in_the_clear() {
    let server = Server::start(|_, _| Reply::new(401, "")).await;
    for (machine, says) in [("127.0.0.1", true), ("other.org", false)] {
        let text = format!("machine {machine} login me password s3cret");
        let credentials = Credentials::none().with_netrc(&text);
        let stores = Stores::new(Settings { credentials, ..hasty() }).unwrap();
        let error = stores.read_document(&at(&server.url("/x"))).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, StorageError::Denied { status: 401, .. }), "{said}");
        assert_eq!(said.contains("in ~/.netrc say, isn't used over plain http"), says, "{said}");
        assert!(!told(&error).contains("s3cret"));
    }
}

#[tokio::test]
async fn an_earthdata_token_and_netrc_never_travel_in_the_clear() {
    let server = Server::start(|_, _| Reply::ok("here")).await;
    let credentials = Credentials::none()
        .with_earthdata_token("T0KEN")
        .with_netrc("machine 127.0.0.1 login me password s3cret");
    let stores = Stores::new(Settings { credentials, ..hasty() }).unwrap();
    assert!(!format!("{stores:?}").contains("s3cret") && !format!("{stores:?}").contains("T0KEN"));
    stores.read_document(&at(&server.url("/x"))).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_loop_of_redirects_ends_in_an_error() {
    let server = Server::start(|_, _| Reply::redirect("/x")).await;
    let error = stores().read_document(&at(&server.url("/x"))).await.unwrap_err();
    assert!(error.to_string().contains("more than 5 redirects") && !error.retryable(), "{}", told(&error));
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn a_redirect_to_a_file_or_to_nowhere_is_refused() {
    for to in ["file:///etc/passwd", "ftp://h/x", "http://"] {
        let server = Server::start(move |_, _| Reply::redirect(to)).await;
        let error = stores().read_document(&at(&server.url("/x"))).await.unwrap_err();
        assert!(matches!(error, StorageError::Redirect { .. }), "{}", told(&error));
    }
}

#[tokio::test]
async fn posts_a_search_and_repeats_it_when_the_server_is_busy() {
    let server = Server::start(|seen, n| match n {
        0 => Reply::new(502, ""),
        _ => Reply::ok(seen.body.clone()).header("X-Hits", "7"),
    })
    .await;
    let request = Request::post(server.url("/search").parse().unwrap(), "application/json", r#"{"limit":2}"#);
    let response = stores().request(request).await.unwrap();
    assert_eq!(response.body, r#"{"limit":2}"#);
    assert_eq!((response.headers.get("x-hits"), response.headers.get("X-HITS")), (Some("7"), Some("7")));
    assert_eq!(server.seen()[1].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_post_sent_on_by_302_is_read_by_get_and_by_307_is_posted_again() {
    for (status, method, body) in [(302, "GET", ""), (303, "GET", ""), (307, "POST", "q"), (308, "POST", "q")]
    {
        let server = Server::start(move |seen, _| match seen.path.as_str() {
            "/a" => Reply::new(status, "").header("location", "/b"),
            _ => Reply::ok("here"),
        })
        .await;
        let request = Request::post(server.url("/a").parse().unwrap(), "text/plain", "q");
        stores().request(request).await.unwrap();
        let second = &server.seen()[1];
        assert_eq!((second.method.as_str(), second.body.as_slice()), (method, body.as_bytes()), "{status}");
    }
}

#[tokio::test]
async fn refuses_an_encoding_that_was_not_asked_for() {
    let server = Server::start(|_, _| Reply::ok(vec![0x1f, 0x8b]).header("content-encoding", "gzip")).await;
    let error = stores().read_document(&at(&server.url("/x"))).await.unwrap_err();
    assert!(matches!(error, StorageError::Protocol { .. }) && server.seen().len() == 1, "{}", told(&error));
    // Apache's AddEncoding calls a file so that is one.
    let gzipped = stores().read_document(&at(&server.url("/x.tif.gz?v=1"))).await.unwrap();
    assert_eq!(&gzipped[..], [0x1f, 0x8b]);
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_limit() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/promised" => Reply::ok(vec![0; 2_000_000]),
        _ => Reply::ok(vec![0; 2_000_000]).unmeasured(),
    })
    .await;
    let stores = Stores::new(Settings { max_document: 100_000, ..hasty() }).unwrap();
    for path in ["/promised", "/endless"] {
        let error = stores.read_document(&at(&server.url(path))).await.unwrap_err();
        assert!(matches!(error, StorageError::TooLarge { .. }), "{}", told(&error));
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn runs_no_more_requests_on_a_host_than_allowed() {
    let server = Server::start(|_, _| Reply::ok("here").after(Duration::from_millis(50))).await;
    let stores = Stores::new(Settings { concurrency_per_host: 3, ..hasty() }).unwrap();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..12 {
        let (stores, at) = (stores.clone(), at(&server.url(&format!("/{n}"))));
        all.spawn(async move { stores.read_document(&at).await.unwrap() });
    }
    assert_eq!(all.join_all().await.len(), 12);
    assert_eq!(server.most_at_once(), 3);
}

#[tokio::test]
async fn asks_for_the_first_byte_where_head_is_refused() {
    let server = Server::start(|seen, _| match seen.method.as_str() {
        "HEAD" => Reply::new(403, ""),
        _ => Reply::new(206, "x").header("content-range", "bytes 0-0/12345").header("etag", "\"v\""),
    })
    .await;
    let meta = stores().head(&at(&server.url("/x"))).await.unwrap();
    assert_eq!((meta.size, meta.etag.as_deref()), (Some(12345), Some("\"v\"")));
    assert_eq!(server.seen()[1].header("range"), Some("bytes=0-0"));
}

#[tokio::test]
async fn an_answer_that_is_not_http_fails_with_a_cause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let garbage = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(b"\x00\xffgarbage\r\n\r\n").await;
        }
    });
    let error = stores().read_document(&at(&url)).await.unwrap_err();
    garbage.abort();
    assert!(told(&error).contains("the connection broke"), "{}", told(&error));
}

#[tokio::test]
async fn an_unchanged_document_is_an_answer_where_that_was_asked() {
    let server = Server::start(|_, _| Reply::new(304, "").header("etag", "\"v1\"")).await;
    let url: url::Url = server.url("/x").parse().unwrap();
    for (name, value) in [("If-None-Match", "\"v1\""), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")]
    {
        let response = stores().request(Request::get(url.clone()).header(name, value)).await.unwrap();
        assert_eq!((response.status, response.body.len()), (304, 0));
        assert_eq!(response.headers.get("etag"), Some("\"v1\""));
    }
    let error = stores().request(Request::get(url)).await.unwrap_err();
    assert_eq!(error.status(), Some(304), "{}", told(&error));
}

#[tokio::test]
async fn starts_no_more_requests_a_second_than_the_rate_allows() {
    let server = Server::start(|_, _| Reply::ok("here")).await;
    let stores = Stores::new(Settings { rate_per_host: Some(20.0), ..hasty() }).unwrap();
    let start = Instant::now();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..11 {
        let (stores, at) = (stores.clone(), at(&server.url(&format!("/{n}"))));
        all.spawn(async move { stores.read_document(&at).await.unwrap() });
    }
    assert_eq!(all.join_all().await.len(), 11);
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_range_is_what_was_asked_for_or_an_error() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/good" => Reply::new(206, "2345").header("content-range", "bytes 2-5/10"),
        "/tagged" => Reply::new(206, "2345").header("content-range", "bytes 2-5/10").header("etag", "\"a\""),
        "/end" => Reply::new(206, "2345").header("content-range", "bytes 2-5/6"),
        // As rclone says it.
        "/ok" => Reply::ok("2345").header("content-range", "bytes 2-5/10"),
        "/other" => Reply::new(206, "3456").header("content-range", "bytes 3-6/10"),
        "/short" => Reply::new(206, "23").header("content-range", "bytes 2-3/10"),
        "/lies" => Reply::new(206, "234").header("content-range", "bytes 2-5/10"),
        "/behind" => Reply::new(416, "").header("content-range", "bytes */2"),
        _ => Reply::ok("0123456789"),
    })
    .await;
    let stores = stores();
    for path in ["/good", "/end", "/ok"] {
        assert_eq!(stores.read_range(&at(&server.url(path)), 2..6).await.unwrap(), "2345");
    }
    for path in ["/other", "/short", "/lies", "/whole"] {
        let error = stores.read_range(&at(&server.url(path)), 2..6).await.unwrap_err();
        assert!(matches!(error, StorageError::Protocol { .. }), "{path}: {}", told(&error));
    }
    for (version, same) in [
        (Meta { size: Some(10), ..Meta::default() }, true),
        (Meta { size: Some(11), ..Meta::default() }, false),
        (Meta { etag: Some("\"a\"".to_owned()), ..Meta::default() }, true),
        (Meta { etag: Some("\"b\"".to_owned()), ..Meta::default() }, false),
    ] {
        let read = stores.read_range_of(&version, &at(&server.url("/tagged")), 2..6).await;
        match read {
            Ok(bytes) => assert!(same && bytes == "2345", "{version:?}"),
            Err(error) => assert!(!same && matches!(error, StorageError::Changed { .. }), "{}", told(&error)),
        }
    }
    let error = stores.read_range(&at(&server.url("/behind")), 2..6).await.unwrap_err();
    assert!(matches!(error, StorageError::Range { start: 2, size: Some(2), .. }), "{}", told(&error));
    assert_eq!(error.to_string(), format!("{}: nothing is at byte 2 of 2", server.url("/behind")));
}

#[tokio::test]
async fn logs_in_through_redirects_and_is_known_again_where_it_did_and_nowhere_else() {
    // The way of Earthdata Login: data host, login host, back with a code, a cookie, the file.
    let back = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let to_data = std::sync::Arc::clone(&back);
    let login = Server::start(move |_, _| {
        Reply::redirect(&format!("{}?code=c0de", to_data.get().unwrap()))
            .header("set-cookie", "urs=s3cret; Path=/")
    })
    .await;
    let to_login = login.url("/oauth/authorize?client_id=x");
    let data = Server::start(move |seen, _| match seen.path.as_str() {
        "/redirect?code=c0de" => {
            Reply::redirect("/x.nc").header("set-cookie", "accessToken=t0ken; Domain=127.0.0.1; Secure")
        }
        _ if seen.header("cookie") == Some("accessToken=t0ken") => Reply::ok("here"),
        _ => Reply::redirect(&to_login),
    })
    .await;
    back.set(data.url("/redirect")).unwrap();
    let stores = stores();
    for _ in 0..2 {
        assert_eq!(stores.read_document(&at(&data.url("/x.nc"))).await.unwrap(), "here");
    }
    assert_eq!((login.seen().len(), data.seen().len()), (1, 4), "logged in once");
    assert_eq!(login.seen()[0].header("cookie"), None);
    assert!(data.seen().iter().all(|s| !s.header("cookie").unwrap_or_default().contains("s3cret")));
}
