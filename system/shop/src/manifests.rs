//! How the shop is deployed: the files of `deploy/`, as they are.

/// Kubernetes manifests as (file, text).
pub const MANIFESTS: &[(&str, &str)] = &[
    ("broker.yaml", include_str!("../deploy/broker.yaml")),
    (
        "configuration.yaml",
        include_str!("../deploy/configuration.yaml"),
    ),
    (
        "customercenter.yaml",
        include_str!("../deploy/customercenter.yaml"),
    ),
    ("gateway.yaml", include_str!("../deploy/gateway.yaml")),
    ("notice.yaml", include_str!("../deploy/notice.yaml")),
    ("order.yaml", include_str!("../deploy/order.yaml")),
    ("pay.yaml", include_str!("../deploy/pay.yaml")),
    ("product.yaml", include_str!("../deploy/product.yaml")),
    ("stores.yaml", include_str!("../deploy/stores.yaml")),
];

/// What manifests cannot say, start-up times and costs, as (file, text).
pub const MODEL: (&str, &str) = ("model.yaml", include_str!("../deploy/model.yaml"));
