//! What is asked, in siege's words: `http://host:port/path POST body`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, header};
use squall_kit::net::call::Call;

/// One request, to be made again and again.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host.
    pub host: String,
    /// Its port.
    pub port: u16,
    call: Call,
}

/// A target that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("{0:?} is no URL, expected http://host[:port][/path]")]
    Url(String),
    /// Another protocol.
    #[error("{0}: only http is spoken here")]
    Scheme(String),
    /// Something else than a method follows the URL.
    #[error("{0:?} is no method, expected 'URL POST body'")]
    Method(String),
    /// A header without a name, or with what HTTP cannot say.
    #[error("{0:?} is no header, expected 'Name: value'")]
    Header(String),
}

impl Target {
    /// Reads `URL [METHOD [body]]` (siege's form; without a scheme, `http`), and headers as
    /// `Name: value`. A body is sent as a form unless a header says otherwise (siege).
    ///
    /// # Errors
    /// What of it makes no sense.
    pub fn read(text: &str, headers: &[String], timeout: Duration) -> Result<Self, TargetError> {
        let mut words = text.trim().splitn(3, char::is_whitespace);
        let url = words.next().unwrap_or_default();
        let method = words.next().unwrap_or("GET");
        let body = words.next().unwrap_or_default().trim();
        let (host, port, path) = place(url)?;
        let wrong = || TargetError::Method(method.to_owned());
        if !method.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(wrong());
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_invalid| wrong())?;
        let mut call = Call::new(method, &format!("{host}:{port}"), &path, timeout);
        let fields = &mut call.headers;
        let agent = HeaderValue::from_static(concat!("squall/", env!("CARGO_PKG_VERSION")));
        fields.insert(header::USER_AGENT, agent);
        if !body.is_empty() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            fields.insert(header::CONTENT_TYPE, form);
            call.body = Bytes::copy_from_slice(body.as_bytes());
        }
        for text in headers {
            let (name, value) = field(text).ok_or_else(|| TargetError::Header(text.clone()))?;
            call.headers.insert(name, value);
        }
        Ok(Self { host, port, call })
    }

    /// The request.
    pub fn call(&self) -> Call {
        self.call.clone()
    }
}

/// Host, port and path with query of a URL.
fn place(url: &str) -> Result<(String, u16, String), TargetError> {
    let wrong = || TargetError::Url(url.to_owned());
    let whole = match url.split_once("://") {
        Some((scheme, _)) if !scheme.eq_ignore_ascii_case("http") => {
            return Err(TargetError::Scheme(url.to_owned()));
        }
        Some(_) => url.to_owned(),
        None => format!("http://{url}"),
    };
    let uri: Uri = whole.parse().map_err(|_invalid| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    let host = authority.host();
    // What follows the host is a port, or nothing.
    let odd_port = authority.as_str().ends_with(':')
        || authority.as_str().len() > host.len() && authority.port_u16().is_none();
    if host.is_empty() || authority.as_str().contains('@') || odd_port {
        return Err(wrong());
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let port = authority.port_u16().unwrap_or(80);
    Ok((host.to_owned(), port, path.to_owned()))
}

fn field(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    let name = HeaderName::try_from(name.trim()).ok()?;
    let value = HeaderValue::try_from(value.trim()).ok()?;
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Target, TargetError> {
        Target::read(text, &[], Duration::from_secs(1))
    }

    #[test]
    fn it_is_read_as_siege_reads_it() {
        let target = read("http://shop:8088/orders?page=1").expect("a URL");
        assert_eq!((&*target.host, target.port), ("shop", 8088));
        let call = target.call();
        assert_eq!((call.method, &*call.path), (Method::GET, "/orders?page=1"));
        let target = read("shop/orders POST {\"item\": \"tv\"}").expect("siege's form");
        assert_eq!((&*target.host, target.port), ("shop", 80));
        assert_eq!(target.call().body, "{\"item\": \"tv\"}");
        assert_eq!(read("shop:81").expect("a host").call().path, "/");
    }

    #[test]
    fn a_header_takes_the_place_of_the_form() {
        let headers = ["content-type: application/json".to_owned()];
        let target = Target::read("shop POST {}", &headers, Duration::ZERO).expect("a target");
        assert_eq!(
            target.call().headers[header::CONTENT_TYPE],
            "application/json"
        );
        let wrong = Target::read("shop", &["nonsense".to_owned()], Duration::ZERO);
        assert!(matches!(wrong, Err(TargetError::Header(_))));
    }

    #[test]
    fn nonsense_is_named() {
        for url in [
            "",
            "http://",
            "http://:80",
            "http://a:99999/",
            "a:",
            "http://u@h/",
        ] {
            assert_eq!(
                read(url).err(),
                Some(TargetError::Url(url.to_owned())),
                "{url:?}"
            );
        }
        assert!(matches!(read("https://shop"), Err(TargetError::Scheme(_))));
        assert!(matches!(read("shop post x"), Err(TargetError::Method(_))));
    }
}
