//! TLS for the broker's connection: which certificates are trusted. No connection is made here.

use std::path::Path;
use std::sync::Arc;

use rumqttc::tokio_rustls::rustls::pki_types::CertificateDer;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Trusts what comes from the certificates in a file, and nothing else.
pub fn client_config(ca_file: &Path) -> Result<Arc<ClientConfig>, String> {
    let shown = ca_file.display();
    let unread = |error: &dyn std::fmt::Display| {
        format!("cannot read certificates from {shown}: {error}; give a file in PEM format")
    };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(ca_file).map_err(|error| unread(&error))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unread(&error))?;
        // A system's collection may hold some that this library does not take.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(unread(&"it holds none"));
    }
    // Named here: without a default provider in the process, the short way would panic.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unread(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
