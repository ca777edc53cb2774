//! The connector of ureq to the target: the first address that answers, a proxy's handshake, then TLS; and the progress of
//! the request, by which an error is explained.
//!
//! ureq does not name the stage that runs into a deadline for all of them, hands on no more than 16 addresses, tries
//! them one after another, and ends at errors that concern one address alone.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::Timeout;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, RustlsConnector, Transport, TransportAdapter,
};

use super::Target;
use super::connect::connect;
use super::proxy::{Protocol, Proxy};
use super::tunnel::{self, Refusal};
use crate::clock::{Boot, boot_now};

/// The stages of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// A TCP connection, to the target or to its proxy.
    #[default]
    Connecting,
    /// TLS with the proxy, and its handshake.
    Proxy,
    /// TLS with the target.
    Tls,
    Sending,
    /// The request is out, and nothing of the answer has come.
    Waiting,
    Reading,
}

/// The progress of a request, to explain a failure.
#[derive(Clone, Debug, Default)]
pub struct RequestProgress(Arc<Mutex<Stage>>);

impl RequestProgress {
    pub fn stage(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reached(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

/// The connection to one target.
#[derive(Debug)]
pub struct TargetConnector {
    pub target: Target,
    pub proxy: Option<Proxy>,
    /// Of the proxy if there is one, else of the target.
    pub addresses: Vec<SocketAddr>,
    /// Of the target, if the proxy takes no name.
    pub target_addresses: Vec<SocketAddr>,
    pub deadline: Boot,
    pub progress: RequestProgress,
}

impl Connector for TargetConnector {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, ureq::Error> {
        let transport = match &self.proxy {
            None => self.tcp(&self.target.host, details.config)?,
            Some(proxy) => self.by_proxy(proxy, details)?,
        };
        self.progress.reached(Stage::Tls);
        Ok(Some(transport))
    }
}

impl TargetConnector {
    fn tcp(&self, whom: &str, config: &Config) -> Result<Box<dyn Transport>, Refusal> {
        self.progress.reached(Stage::Connecting);
        let stream = connect(&self.addresses, self.deadline).map_err(|error| Refusal::Told(error.tell(whom)))?;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Box::new(Tcp { stream, buffers, deadline: self.deadline }))
    }

    fn by_proxy(&self, proxy: &Proxy, details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, ureq::Error> {
        let mut addresses = self.target_addresses.iter().copied();
        let mut address = addresses.next();
        loop {
            match self.ask_proxy(proxy, address, details) {
                // The proxy has closed the connection after that: another address needs another connection.
                Err(Refusal::Unreachable(_)) if addresses.len() > 0 => address = addresses.next(),
                asked => return asked.map_err(ureq::Error::from),
            }
        }
    }

    fn ask_proxy(
        &self,
        proxy: &Proxy,
        address: Option<SocketAddr>,
        details: &ConnectionDetails<'_>,
    ) -> Result<Box<dyn Transport>, Refusal> {
        let mut transport = self.tcp(&proxy.to_string(), details.config)?;
        self.progress.reached(Stage::Proxy);
        if proxy.kind == Protocol::Https {
            transport = encrypt(transport, proxy, details)?;
        }
        if proxy.tunnels(&self.target) {
            let mut stream = TransportAdapter::new(transport, Arc::clone(&details.current_time));
            tunnel::open(&mut stream, proxy, &self.target, address)?;
            transport = stream.into_inner();
        }
        Ok(Box::new(Tunnelled(transport)))
    }
}

/// TLS with the proxy itself.
fn encrypt(
    transport: Box<dyn Transport>,
    proxy: &Proxy,
    details: &ConnectionDetails<'_>,
) -> Result<Box<dyn Transport>, ureq::Error> {
    let uri = format!("https://{}/", proxy.authority()).parse::<Uri>().map_err(|_| ureq::Error::InvalidProxyUrl)?;
    let of_proxy = ConnectionDetails {
        uri: &uri,
        addrs: details.resolver.empty(),
        config: details.config,
        request_level: details.request_level,
        resolver: details.resolver,
        now: details.now,
        timeout: details.timeout,
        current_time: Arc::clone(&details.current_time),
        run_connector: Arc::clone(&details.run_connector),
        register_shutdown: Arc::clone(&details.register_shutdown),
    };
    let encrypted = RustlsConnector::default().connect(&of_proxy, Some(transport))?;
    encrypted.map(|transport| Box::new(transport) as Box<dyn Transport>).ok_or(ureq::Error::ConnectionFailed)
}

impl From<Refusal> for ureq::Error {
    fn from(refusal: Refusal) -> ureq::Error {
        match refusal {
            Refusal::Ureq(error) => error,
            told => ureq::Error::Other(Box::new(told)),
        }
    }
}

/// The last link of the chain: it tracks sending and receiving, and gives the full URL to a proxy that does not tunnel.
#[derive(Debug)]
pub struct ProgressConnector {
    pub progress: RequestProgress,
    /// `http://HOST:PORT`, to stand before the path: RFC 9112 section 3.2.2.
    pub absolute: Option<String>,
}

impl<In: Transport> Connector<In> for ProgressConnector {
    type Out = ProgressTransport<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let (progress, absolute) = (self.progress.clone(), self.absolute.clone());
        Ok(chained.map(|inner| ProgressTransport { inner, progress, absolute }))
    }
}

#[derive(Debug)]
pub struct ProgressTransport<T> {
    inner: T,
    progress: RequestProgress,
    /// Taken by the first write, which begins with the request line.
    absolute: Option<String>,
}

impl<T: Transport> Transport for ProgressTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.progress.reached(Stage::Sending);
        let Some(absolute) = self.absolute.take() else {
            return self.inner.transmit_output(amount, timeout);
        };
        let written = self.inner.buffers().output()[..amount].to_vec();
        let path = written.iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
        let (method, rest) = written.split_at(path);
        for chunk in [method, absolute.as_bytes(), rest] {
            self.inner.buffers().output()[..chunk.len()].copy_from_slice(chunk);
            self.inner.transmit_output(chunk.len(), timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        if self.progress.stage() == Stage::Sending {
            self.progress.reached(Stage::Waiting);
        }
        let progressed = self.inner.await_input(timeout)?;
        if progressed {
            self.progress.reached(Stage::Reading);
        }
        Ok(progressed)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// A TCP connection that ends at the deadline, whatever limits ureq has for a stage.
#[derive(Debug)]
struct Tcp {
    stream: TcpStream,
    buffers: LazyBuffers,
    deadline: Boot,
}

impl Tcp {
    /// The rest of the time as a socket's timeout: at least the shortest one that a socket takes.
    fn left(&self, timeout: NextTimeout) -> Result<Option<Duration>, ureq::Error> {
        let left = self.deadline.since(boot_now());
        if left.is_zero() { Err(ureq::Error::Timeout(timeout.reason)) } else { Ok(Some(left)) }
    }
}

/// At a socket's timeout the system says EAGAIN: socket(7), `SO_RCVTIMEO`.
fn of_timeout(error: io::Error, reason: Timeout) -> ureq::Error {
    if error.kind() == io::ErrorKind::WouldBlock { ureq::Error::Timeout(reason) } else { ureq::Error::Io(error) }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let mut sent = 0;
        while sent < amount {
            self.stream.set_write_timeout(self.left(timeout)?)?;
            match self.stream.write(&self.buffers.output()[sent..amount]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => sent += written.map_err(|error| of_timeout(error, timeout.reason))?,
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            self.stream.set_read_timeout(self.left(timeout)?)?;
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    let amount = read.map_err(|error| of_timeout(error, timeout.reason))?;
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
            }
        }
    }

    /// A connection serves one request.
    fn is_open(&mut self) -> bool {
        false
    }
}

/// The bytes of a tunnel are not encrypted for the target, even if the connection to the proxy is TLS.
#[derive(Debug)]
struct Tunnelled(Box<dyn Transport>);

impl Transport for Tunnelled {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }
}

/// The names are looked up earlier, with all their addresses: ureq passes on 16 of them.
#[derive(Debug)]
pub struct AlreadyResolved;

impl Resolver for AlreadyResolved {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
