//! The sink against an encrypted server: it talks to one whose certificate comes from the given
//! file, and to no other.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::sink::certificates::{certificates, openssl};
use crate::sink::{LAST_GRACE, Sink};
use crate::testing::an_event;

/// A server that takes every POST and tells of it.
fn server(folder: &Path) -> (u16, Receiver<String>) {
    let chain = vec![CertificateDer::from_pem_file(folder.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, socket));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap_or(0) > 0 {}
            let head = head.to_lowercase();
            let Some(length) = head.split("content-length: ").nth(1) else {
                continue;
            };
            let length = length.split("\r\n").next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
            sender.send(String::from_utf8(body).unwrap()).unwrap();
        }
    });
    (port, receiver)
}

#[test]
fn only_a_server_with_a_certificate_from_the_file_gets_events() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        folder.path(),
        &format!("{arguments} -keyout x.key -out other.pem -days 2 -subj /CN=other-ca"),
    );
    let (port, posted) = server(folder.path());
    let mut config = WebhookConfig {
        url: Some(format!("https://localhost:{port}/")),
        ca_file: Some(folder.path().join("other.pem")),
        spool: Some(folder.path().join("spool")),
        max_back_off_s: 1,
        ..WebhookConfig::default()
    };
    let (told, tells) = (|_: &str| {}, an_event(1));
    let mut sink = start(&config, told).unwrap().unwrap();
    sink.deliver(&tells).unwrap();
    sink.finish(LAST_GRACE).unwrap();
    assert_eq!(sink.queue().spool().counts().waiting, 1);
    assert!(posted.try_recv().is_err());
    drop(sink);
    config.ca_file = Some(folder.path().join("ca.pem"));
    let _sink = start(&config, told).unwrap().unwrap();
    let body = posted.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(body, serde_json::to_string(&tells).unwrap());
}
