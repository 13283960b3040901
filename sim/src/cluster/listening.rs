//! Notices when a pod's program begins to listen: from then on it is ready.

use std::{io, sync::Arc};

use squall_kit::{
    BoxFuture,
    net::{BoxStream, Listener, Net, Transport},
};

/// A pod's network that calls `on_bind` after each successful bind.
pub(crate) struct Watched {
    net: Net,
    on_bind: Arc<dyn Fn(u16) + Send + Sync>,
}

impl Watched {
    /// Wraps `net`.
    pub(crate) fn net(net: Net, on_bind: impl Fn(u16) + Send + Sync + 'static) -> Net {
        Net::new(Self {
            net,
            on_bind: Arc::new(on_bind),
        })
    }
}

impl Transport for Watched {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = self.net.bind(port).await?;
            (self.on_bind)(port);
            Ok(listener)
        })
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let host = host.to_owned();
        Box::pin(async move { self.net.connect(&host, port).await })
    }
}
