//! A reply of an engine, parsed while it is received: bytes in, answers out, and no socket.

use std::path::Path;

use super::array::{Array, MAX_ELEMENT_BYTES, MalformedArray};
use super::body::{Body, Next};
use super::buffer::Buffer;
use super::container::{Complaint, Inspected};
use super::error::Error;
use super::event;
use super::head::{self, Head};
use super::question::{Answer, Question};

/// The bound of an error's body: engines send a sentence.
const MAX_COMPLAINT_BYTES: usize = 16 * 1024;

/// The reply to one question.
#[derive(Debug)]
pub struct Reply {
    asked: Asked,
    /// The progress in the body, once the head is complete.
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    head: Head,
    body: Body,
    content: Content,
    ended: bool,
}

/// The kind of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    List,
    Container,
    Document,
    Events,
}

#[derive(Debug)]
enum Content {
    List(Array),
    Container(Vec<u8>),
    Document(Vec<u8>),
    /// A JSON value a line.
    Events(Vec<u8>),
    /// The engine answers with an error.
    Complaint(Vec<u8>),
}

impl Reply {
    pub fn to(question: Question<'_>) -> Reply {
        let asked = match question {
            Question::List => Asked::List,
            Question::Inspect(_) => Asked::Container,
            Question::Document(_) => Asked::Document,
            Question::Past { .. } => Asked::Events,
        };
        Reply { asked, begun: None }
    }

    /// Whether the reply's head has come.
    pub fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether another request may follow on the same connection: the engine keeps it, and this reply was read to its
    /// end.
    pub fn leaves_connection(&self) -> bool {
        self.begun.as_ref().is_some_and(|begun| begun.ended && begun.head.keeps_alive)
    }

    /// The next answer in the received bytes; `None`: more must be received first.
    ///
    /// # Errors
    /// Any fault that makes the rest of the reply worthless.
    pub fn next(&mut self, buffer: &mut Buffer, path: &Path) -> Result<Option<Answer>, Error> {
        let begun = match &mut self.begun {
            Some(begun) => begun,
            None => match read_head(buffer, path)? {
                Some(head) => self.begun.insert(Begun::new(head, self.asked)?),
                None => return Ok(None),
            },
        };
        loop {
            match begun.body.next(buffer, path)? {
                Next::More => return Ok(None),
                Next::End => {
                    begun.ended = true;
                    return self.end(path).map(Some);
                }
                Next::Bytes(count) => {
                    let bytes = &buffer.pending()[..count];
                    let (taken, answer) = begun.content.take(bytes, path)?;
                    begun.body.take(taken, buffer);
                    if begun.content.is_long_complaint() {
                        return self.end(path).map(Some);
                    }
                    if answer.is_some() {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// The last answer, once the connection has ended.
    ///
    /// # Errors
    /// `CutOff` where that is not the reply's end.
    pub fn connection_ended(&self, path: &Path) -> Result<Answer, Error> {
        match &self.begun {
            Some(begun) if begun.body.ends_with_connection() => self.end(path),
            _ => Err(Error::CutOff { path: path.to_owned() }),
        }
    }

    fn end(&self, path: &Path) -> Result<Answer, Error> {
        let Some(Begun { head, content, .. }) = &self.begun else {
            return Err(Error::CutOff { path: path.to_owned() });
        };
        match content {
            Content::List(array) => {
                array.end().map_err(|error| not_an_engine(path, error))?;
                Ok(Answer::ListEnd { podman: head.podman })
            }
            Content::Container(json) => {
                let inspected: Inspected = serde_json::from_slice(json).map_err(|error| not_an_engine(path, error))?;
                Ok(Answer::Inspected(Some(Box::new(inspected))))
            }
            Content::Document(json) => Ok(Answer::Document(json.clone())),
            Content::Events(lines) => {
                let lines = lines.split(|byte| *byte == b'\n');
                let events: serde_json::Result<Vec<_>> =
                    lines.filter_map(|line| event::parse(line).transpose()).collect();
                Ok(Answer::Happened(events.map_err(|error| not_an_engine(path, error))?))
            }
            Content::Complaint(json) => match complaint(head, json, path) {
                Error::Api { status: 404, .. } if self.asked == Asked::Container => Ok(Answer::Inspected(None)),
                error => Ok(Answer::Failed(error)),
            },
        }
    }
}

impl Begun {
    fn new(head: Head, asked: Asked) -> Result<Begun, Error> {
        if let Some(version) = &head.too_old {
            return Err(Error::ApiVersion { message: format!("the engine's newest API is {version}, 1.24 is needed") });
        }
        let body = Body::new(head.framing)?;
        let content = match (head.status, asked) {
            (200, Asked::List) => Content::List(Array::default()),
            (200, Asked::Container) => Content::Container(Vec::new()),
            (200, Asked::Document) => Content::Document(Vec::new()),
            (200, Asked::Events) => Content::Events(Vec::new()),
            _ => Content::Complaint(Vec::new()),
        };
        Ok(Begun { head, body, content, ended: false })
    }
}

impl Content {
    /// Takes some of the body's bytes, up to the next answer: returns their number, and the answer.
    fn take(&mut self, bytes: &[u8], path: &Path) -> Result<(usize, Option<Answer>), Error> {
        let too_large = Error::TooLarge { limit_bytes: MAX_ELEMENT_BYTES as u64 };
        match self {
            Content::List(array) => {
                if let Some((taken, listed)) = array.next_whole(bytes) {
                    return Ok((taken, Some(Answer::Listed(listed))));
                }
                let (taken, element) = array.next(bytes).map_err(|error| match error {
                    MalformedArray::TooLarge => too_large,
                    error => not_an_engine(path, error),
                })?;
                let listed = element.map(serde_json::from_slice).transpose();
                Ok((taken, listed.map_err(|error| not_an_engine(path, error))?.map(Answer::Listed)))
            }
            Content::Container(json) | Content::Document(json) | Content::Events(json)
                if json.len() + bytes.len() > MAX_ELEMENT_BYTES =>
            {
                Err(too_large)
            }
            Content::Container(json) | Content::Document(json) | Content::Events(json) | Content::Complaint(json) => {
                json.extend_from_slice(bytes);
                Ok((bytes.len(), None))
            }
        }
    }

    fn is_long_complaint(&self) -> bool {
        matches!(self, Content::Complaint(json) if json.len() > MAX_COMPLAINT_BYTES)
    }
}

/// The head of the reply itself; interim replies (`100 Continue`: RFC 9110, 15.2) are skipped.
fn read_head(buffer: &mut Buffer, path: &Path) -> Result<Option<Head>, Error> {
    loop {
        let parsed = head::parse(buffer.pending()).map_err(|error| not_an_engine(path, error))?;
        let Some((head, length)) = parsed else { return Ok(None) };
        buffer.take(length);
        if !head.is_interim() {
            return Ok(Some(head));
        }
    }
}

/// The error that the engine answered with, in its own words.
fn complaint(head: &Head, json: &[u8], path: &Path) -> Error {
    let status = head.status;
    match serde_json::from_slice::<Complaint>(json) {
        Ok(Complaint { message }) if message.contains("is too old") || message.contains("is too new") => {
            Error::ApiVersion { message }
        }
        Ok(Complaint { message }) => Error::Api { status, message: message.trim().to_owned() },
        Err(_) if head.from_engine => Error::Api { status, message: "without a reason".to_owned() },
        Err(_) => not_an_engine(path, format!("HTTP status {status}")),
    }
}

fn not_an_engine(path: &Path, found: impl ToString) -> Error {
    Error::NotAnEngine { path: path.to_owned(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    /// The answers of a reply that comes `step` bytes at a time and is followed by the connection's end.
    fn answers(question: Question<'_>, bytes: &[u8], step: usize) -> Result<Vec<Answer>, Error> {
        let (mut reply, mut buffer, path) = (Reply::to(question), Buffer::default(), Path::new("/engine"));
        let mut answers = Vec::new();
        for piece in bytes.chunks(step) {
            buffer.extend(piece.iter().copied());
            while let Some(answer) = reply.next(&mut buffer, path)? {
                let is_last = answer.is_last();
                answers.push(answer);
                if is_last {
                    return Ok(answers);
                }
            }
        }
        answers.push(reply.connection_ended(path)?);
        Ok(answers)
    }

    /// A reply with this body, framed in one of the ways there are.
    fn framed(body: &str, framing: usize, chunk: usize) -> Vec<u8> {
        let head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n";
        match framing {
            0 => format!("{head}\r\n{body}").into_bytes(),
            1 => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
            _ => {
                let mut bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                for piece in body.as_bytes().chunks(chunk) {
                    bytes.extend(format!("{:x};x=y\r\n", piece.len()).bytes());
                    bytes.extend(piece);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\nTrailer: x\r\n\r\n");
                bytes
            }
        }
    }

    #[test]
    fn what_happened_is_read_line_by_line() {
        let past = Question::Past { since: Timestamp::UNIX_EPOCH, until: Timestamp::UNIX_EPOCH };
        let line = |action: &str| format!(r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"a"}}}}"#) + "\n";
        let body = line("die") + &line("exec_start: true") + &line("start");
        for step in [1, 7, 1000] {
            let told = answers(past, &framed(&body, 2, 9), step).unwrap();
            let [Answer::Happened(events)] = &told[..] else { panic!("{told:?}") };
            assert_eq!(
                events.iter().map(|event| event.kind).collect::<Vec<_>>(),
                [event::Kind::Die, event::Kind::Start]
            );
        }
        assert_eq!(answers(past, &framed("", 2, 9), 5).unwrap(), [Answer::Happened(Vec::new())]);
        assert!(answers(past, &framed("<html>", 1, 9), 5).is_err());
    }

    proptest! {
        #[test]
        fn a_list_is_the_same_in_any_frame_and_any_pieces(
            names in prop::collection::vec(r#"[a-z\[\]{},:é ]{0,9}"#, 0..5),
            framing in 0usize..3,
            chunk in 1usize..60,
            step in 1usize..80,
        ) {
            let one = |name: &String| format!(r#"{{"Id":"1","Names":["/{name}"],"State":"running"}}"#);
            let body = format!("[{}]", names.iter().map(one).collect::<Vec<_>>().join(" , "));
            let told = answers(Question::List, &framed(&body, framing, chunk), step).unwrap();
            prop_assert_eq!(told.last(), Some(&Answer::ListEnd { podman: false }));
            let listed: Vec<_> = told.iter().filter_map(|answer| match answer {
                Answer::Listed(listed) => Some(listed.name().to_owned()),
                _ => None,
            }).collect();
            prop_assert_eq!(listed, names);
        }

        #[test]
        fn any_bytes_are_read_to_the_same_end_in_any_pieces(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            framing in 0usize..3,
            asked in 0usize..3,
            step in 1usize..80,
        ) {
            let (since, until) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            let question = [Question::List, Question::Inspect("x"), Question::Past { since, until }][asked];
            let mut reply = framed(r#"[{"Id":"1","State":"up"}]"#, framing, 7);
            let at = bytes.first().map_or(0, |byte| usize::from(*byte) % reply.len());
            reply.splice(at.., bytes);
            let [whole, pieces] = [reply.len().max(1), step].map(|step| answers(question, &reply, step).ok());
            prop_assert_eq!(whole, pieces);
        }
    }
}
