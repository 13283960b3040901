//! gateway: the one way in. Routes by path; knows no domain word but the paths.

use squall_kit::{
    Error, Pod,
    http::gateway::{self, GatewaySettings, Route},
    net::client::ClientSettings,
};

use crate::service::{self, millis};

/// Path prefix and the service behind it.
const ROUTES: [(&str, &str); 6] = [
    ("/orders", "order:8080"),
    ("/products", "product:8080"),
    ("/deliveries", "product:8080"),
    ("/pays", "pay:8080"),
    ("/notices", "notice:8080"),
    ("/myPages", "customercenter:8080"),
];

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let routes = ROUTES.map(|(prefix, target)| Route {
        prefix: prefix.to_owned(),
        target: target.to_owned(),
    });
    let settings = GatewaySettings {
        routes: routes.into(),
        timeout: millis(&pod, "GATEWAY_TIMEOUT_MS", 10_000)?,
        cors: false,
    };
    let client = pod.client(ClientSettings::default());
    let router = gateway::router(&pod, client, settings);
    service::serve(&pod, router, Vec::new()).await
}
