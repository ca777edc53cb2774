//! One check's exchange with an engine: requests one after the other, on one connection while the engine keeps it.

use std::io::{BufReader, Read};

use serde::de::DeserializeSeed;

use super::address::Address;
use super::body::Body;
use super::container::{Complaint, Each, Inspected, Listed};
use super::error::Error;
use super::head::{self, Head};
use super::patience::Patience;
use super::wire::Wire;

/// How much of an error's body is read: engines send a sentence.
const MAX_COMPLAINT_BYTES: u64 = 16 * 1024;

/// The JSON parser asks for single bytes.
const BUFFER_BYTES: usize = 8 * 1024;

/// An exchange with one engine. Nothing is sent before the first question.
#[derive(Debug)]
pub struct Session<'a> {
    address: &'a Address,
    patience: Patience<'a>,
    wire: Option<Wire<'a>>,
    podman: bool,
}

impl<'a> Session<'a> {
    pub fn new(address: &'a Address, patience: Patience<'a>) -> Session<'a> {
        Session { address, patience, wire: None, podman: false }
    }

    /// Whether the engine is podman, known once it has answered.
    pub fn is_podman(&self) -> bool {
        self.podman
    }

    /// Gives every container there is, running or not, to `each` while the list is read.
    ///
    /// # Errors
    /// Any [`Error`]; `each` may have had a part of the list by then.
    pub fn list(&mut self, each: impl FnMut(Listed)) -> Result<(), Error> {
        self.get("/containers/json?all=true", Each(each))
    }

    /// One container by its id; `None` when there is none.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn inspect(&mut self, id: &str) -> Result<Option<Inspected>, Error> {
        let target = format!("/containers/{}/json", head::escaped(id));
        match self.get(&target, std::marker::PhantomData::<Inspected>) {
            Err(Error::Api { status: 404, .. }) => Ok(None),
            answer => answer.map(Some),
        }
    }

    fn get<T>(&mut self, target: &str, seed: impl for<'de> DeserializeSeed<'de, Value = T>) -> Result<T, Error> {
        let (mut wire, head) = self.ask(target)?;
        self.podman |= head.podman;
        let keeps_alive = head.keeps_alive;
        let answer = read_answer(&mut wire, head, seed)?;
        self.wire = Some(wire).filter(|_| keeps_alive);
        Ok(answer)
    }

    /// Sends a request and reads the reply's head, on the connection that is there or on a new one. A connection that
    /// was kept may have been closed by the engine in the meantime; that is no error, the request goes out again.
    fn ask(&mut self, target: &str) -> Result<(Wire<'a>, Head), Error> {
        if let Some(mut kept) = self.wire.take() {
            match exchange(&mut kept, target) {
                Err(Error::CutOff { .. }) => {}
                answer => return Ok((kept, answer?)),
            }
        }
        let mut wire = Wire::connect(self.address, self.patience)?;
        let head = exchange(&mut wire, target)?;
        Ok((wire, head))
    }
}

fn exchange(wire: &mut Wire<'_>, target: &str) -> Result<Head, Error> {
    wire.send(head::request(target).as_bytes())?;
    loop {
        let parsed = head::parse(wire.pending());
        if let Some((head, length)) = parsed.map_err(|error| not_an_engine(wire, error))? {
            wire.take(length);
            return Ok(head);
        }
        if wire.fill()? == 0 {
            return Err(Error::CutOff { path: wire.address().path().to_owned() });
        }
    }
}

fn read_answer<T>(
    wire: &mut Wire<'_>,
    head: Head,
    seed: impl for<'de> DeserializeSeed<'de, Value = T>,
) -> Result<T, Error> {
    if let Some(version) = head.too_old {
        return Err(Error::ApiVersion { message: format!("the engine's newest API is {version}, 1.24 is needed") });
    }
    if head.status != 200 {
        return Err(refusal(wire, &head));
    }
    let mut json =
        serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER_BYTES, Body::new(wire, head.framing)?));
    let parsed = seed.deserialize(&mut json).and_then(|answer| json.end().map(|()| answer));
    drop(json);
    parsed.map_err(|error| {
        let found = error.to_string();
        let passed = error.is_io().then(|| Error::passed_through(error.into())).flatten();
        passed.unwrap_or_else(|| not_an_engine(wire, found))
    })
}

/// The error that the engine answered with, in its own words.
fn refusal(wire: &mut Wire<'_>, head: &Head) -> Error {
    let (status, from_engine) = (head.status, head.from_engine);
    let mut text = Vec::new();
    let read = Body::new(wire, head.framing).map(|body| body.take(MAX_COMPLAINT_BYTES).read_to_end(&mut text));
    match read.map(|read| read.map_err(Error::passed_through)) {
        Err(error) | Ok(Err(Some(error))) => return error,
        Ok(Ok(_) | Err(None)) => {}
    }
    match serde_json::from_slice::<Complaint>(&text) {
        Ok(Complaint { message }) if message.contains("is too old") || message.contains("is too new") => {
            Error::ApiVersion { message }
        }
        Ok(Complaint { message }) => Error::Api { status, message: message.trim().to_owned() },
        Err(_) if from_engine => Error::Api { status, message: "without a reason".to_owned() },
        Err(_) => not_an_engine(wire, format!("HTTP status {status}")),
    }
}

fn not_an_engine(wire: &Wire<'_>, found: impl ToString) -> Error {
    Error::NotAnEngine { path: wire.address().path().to_owned(), found: found.to_string() }
}
