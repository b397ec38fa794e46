//! A connection while it is HTTP: requests are matched with responses until one switches the protocol.

use std::{collections::VecDeque, ops::Range, time::Instant};

use crate::{
    action::OpaqueKind,
    direction::Direction,
    http::{
        Accepted, Body, BodyError, FirstLine, Handshake, HeadError, HeadScanner, HttpAmbiguity, Offer,
        RequestKind, Response, Scan, parse_request, parse_response,
    },
    limits::Limits,
    rules::RuleScratch,
    session::{
        Link,
        binding::{Binding, bind},
        clock::Unfinished,
        outbox::Outbox,
    },
    settings::{DeflatePolicy, Settings},
    verdict::{Breach, CloseReason, Unit, examine_handshake},
};

/// What became of the connection.
#[derive(Debug)]
pub(super) enum Next {
    /// It is still HTTP.
    Http,
    /// It is something that is not inspected.
    Opaque(OpaqueKind),
    /// It is a WebSocket. `early` is what the client sent ahead of the response.
    WebSocket { accepted: Box<Accepted>, early: Vec<u8>, used: usize },
}

/// Both sides of an HTTP/1.x connection.
#[derive(Debug)]
pub(super) struct HttpStage {
    request: RequestSide,
    response: ResponseSide,
    /// The requests without a final response, oldest first.
    waiting: VecDeque<RequestKind>,
    requests: u64,
    responses: u64,
    link: Link,
    opened: Instant,
    /// The time of the input that is read.
    now: Instant,
    /// A response came before its request was complete, so which response belongs to which request is uncertain.
    out_of_step: bool,
}

#[derive(Debug)]
enum RequestSide {
    Head(Head),
    Body(Body),
    /// After a request that may switch protocols: bytes wait for its response.
    Early(Vec<u8>),
}

#[derive(Debug)]
enum ResponseSide {
    Head(Head),
    Body(Body),
}

/// A head that is being read. `bytes` is only used for one that comes in pieces.
#[derive(Debug)]
struct Head {
    scanner: HeadScanner,
    bytes: Vec<u8>,
}

/// Why a head, body or place in the stream is not followed further.
enum Stop {
    Close(CloseReason),
    /// For what the client sent earlier and was read only now.
    CloseEarly(CloseReason),
    Opaque(OpaqueKind),
}

impl From<HeadError> for Stop {
    fn from(error: HeadError) -> Self {
        Self::Close(error.into())
    }
}

impl From<CloseReason> for Stop {
    fn from(reason: CloseReason) -> Self {
        Self::Close(reason)
    }
}

impl HttpStage {
    pub(super) const fn new(limits: &Limits, link: Link, now: Instant) -> Self {
        Self {
            link,
            opened: now,
            now,
            request: RequestSide::Head(Head::new(FirstLine::Request, limits)),
            response: ResponseSide::Head(Head::new(FirstLine::Response, limits)),
            waiting: VecDeque::new(),
            requests: 0,
            responses: 0,
            out_of_step: false,
        }
    }

    /// The rules for what the connection has become, with its handshake.
    pub(super) fn binding(&self, handshake: Handshake, settings: &Settings) -> Binding {
        Binding::new(self.link, self.opened, handshake, &settings.rules)
    }

    pub(super) const fn requests(&self) -> u64 {
        self.requests
    }

    /// The request head that has begun and not ended.
    pub(super) const fn unfinished(&self) -> Option<Unfinished> {
        match &self.request {
            RequestSide::Head(head) if head.scanner.has_begun() => Some(Unfinished::Head(self.requests)),
            RequestSide::Head(_) | RequestSide::Body(_) | RequestSide::Early(_) => None,
        }
    }

    /// Whether the client's bytes that are held belong to a head that is not complete.
    pub(super) const fn is_within_head(&self) -> bool {
        matches!(self.request, RequestSide::Head(_))
    }

    /// Whether the client waits for the answer to the request that it is sending and nothing else, so that we may
    /// give that answer.
    pub(super) fn may_answer(&self) -> bool {
        let between_responses = match &self.response {
            ResponseSide::Head(head) => head.scanner.is_untouched(),
            ResponseSide::Body(_) => false,
        };
        between_responses && self.waiting.is_empty() && !self.out_of_step
    }

    /// Approximate memory in bytes.
    pub(super) fn buffered_bytes(&self) -> usize {
        let request = match &self.request {
            RequestSide::Head(head) => head.bytes.capacity(),
            RequestSide::Body(_) => 0,
            RequestSide::Early(bytes) => bytes.capacity(),
        };
        let response = match &self.response {
            ResponseSide::Head(head) => head.bytes.capacity(),
            ResponseSide::Body(_) => 0,
        };
        request + response
    }

    /// Reads what one side sent.
    ///
    /// # Errors
    ///
    /// The reason to end the connection.
    pub(super) fn input(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        now: Instant,
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<Next, Breach> {
        self.now = now;
        let result = match direction {
            Direction::ToServer => self.client(bytes, settings, out).map(|()| Next::Http),
            Direction::ToClient => self.server(bytes, settings, out),
        };
        match result {
            Ok(next) => Ok(next),
            Err(Stop::Opaque(kind)) => Ok(Next::Opaque(kind)),
            Err(Stop::Close(reason)) => Err(Breach::new(direction, reason)),
            Err(Stop::CloseEarly(reason)) => Err(Breach::new(Direction::ToServer, reason)),
        }
    }

    fn client(&mut self, bytes: &[u8], settings: &Settings, out: &mut Outbox) -> Result<(), Stop> {
        let limits = &settings.limits;
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = match &mut self.request {
                RequestSide::Head(head) => match head.read(rest) {
                    Scan::More if settings.strips_deflate() => return Ok(()),
                    Scan::More => rest.len(),
                    Scan::Complete(len) => {
                        let total = head.scanner.len();
                        let cuts =
                            self.end_request_head(rest.get(..len).unwrap_or_default(), settings, out)?;
                        if settings.strips_deflate() {
                            release_but(&cuts, total, out);
                            rest = rest.get(len..).unwrap_or_default();
                            self.end_request_body(limits);
                            continue;
                        }
                        len
                    }
                    Scan::NotHttp(kind) if self.requests == 0 => return Err(Stop::Opaque(kind)),
                    Scan::NotHttp(_) => {
                        return Err(CloseReason::HttpAmbiguous(HttpAmbiguity::StartLine).into());
                    }
                    Scan::Ambiguous(ambiguity) => return Err(CloseReason::HttpAmbiguous(ambiguity).into()),
                    Scan::TooBig => return Err(CloseReason::HttpHeadTooBig.into()),
                },
                RequestSide::Body(body) => advance(body, rest, Direction::ToServer, out)?,
                RequestSide::Early(early) => {
                    if early.len() + rest.len() > limits.max_head_bytes {
                        return Err(CloseReason::EarlyDataTooBig.into());
                    }
                    early.extend_from_slice(rest);
                    return Ok(());
                }
            };
            out.release(Direction::ToServer, used);
            rest = rest.get(used..).unwrap_or_default();
            self.end_request_body(limits);
        }
        Ok(())
    }

    fn end_request_head(
        &mut self,
        last: &[u8],
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<Vec<Range<usize>>, CloseReason> {
        let limits = &settings.limits;
        let RequestSide::Head(head) = &mut self.request else { return Ok(Vec::new()) };
        let request =
            parse_request(head.whole(last), &settings.handshake, settings.strips_deflate(), limits)?;
        if let Some(refusal) = request.refusal {
            out.object(Breach::new(Direction::ToServer, refusal.into())).map_err(|breach| breach.reason)?;
        }
        if let RequestKind::Upgrade(Offer::WebSocket(offer)) = &request.kind {
            // Before the last byte of it goes on.
            let rules = &settings.rules;
            let bound = bind(&rules.current(), self.link, self.opened, offer.handshake());
            let mut scratch = bound.as_ref().map(|_| RuleScratch::lend());
            let trial = bound
                .as_ref()
                .zip(scratch.as_deref_mut())
                .map(|(bound, scratch)| bound.begin_handshake(scratch, rules.moment(self.now)));
            let judgement = examine_handshake(offer.handshake(), settings, trial);
            if let Some(scratch) = scratch {
                scratch.give_back();
            }
            out.judgement(judgement, Unit::Handshake, Direction::ToServer)?;
        }
        if self.waiting.len() >= limits.max_pipelined_requests {
            return Err(CloseReason::TooManyRequests);
        }
        self.requests += 1;
        self.waiting.push_back(request.kind);
        self.request = RequestSide::Body(request.body);
        Ok(request.cuts)
    }

    fn end_request_body(&mut self, limits: &Limits) {
        if let RequestSide::Body(body) = &self.request
            && body.is_done()
        {
            self.request = if self.waiting.back().is_some_and(RequestKind::may_switch) {
                RequestSide::Early(Vec::new())
            } else {
                RequestSide::Head(Head::new(FirstLine::Request, limits))
            };
        }
    }

    fn server(&mut self, bytes: &[u8], settings: &Settings, out: &mut Outbox) -> Result<Next, Stop> {
        let limits = &settings.limits;
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = match &mut self.response {
                ResponseSide::Head(head) => match head.read(rest) {
                    Scan::More => rest.len(),
                    Scan::Complete(len) => {
                        let last = rest.get(..len).unwrap_or_default();
                        match self.end_response_head(last, settings, out)? {
                            Answer::Interim => {}
                            Answer::Final => {
                                out.release(Direction::ToClient, len);
                                rest = rest.get(len..).unwrap_or_default();
                                self.end_response_body(limits);
                                self.resume_client(settings, out)?;
                                continue;
                            }
                            Answer::WebSocket(accepted, early) => {
                                let used = bytes.len() - rest.len() + len;
                                out.release(Direction::ToClient, len);
                                return Ok(Next::WebSocket { accepted, early, used });
                            }
                        }
                        len
                    }
                    Scan::NotHttp(kind) if self.responses == 0 => {
                        let first = self.requests == 0;
                        return Err(Stop::Opaque(if first { OpaqueKind::ServerFirst } else { kind }));
                    }
                    Scan::NotHttp(_) => {
                        return Err(CloseReason::HttpAmbiguous(HttpAmbiguity::StartLine).into());
                    }
                    Scan::Ambiguous(ambiguity) => return Err(CloseReason::HttpAmbiguous(ambiguity).into()),
                    Scan::TooBig => return Err(CloseReason::HttpHeadTooBig.into()),
                },
                ResponseSide::Body(body) => advance(body, rest, Direction::ToClient, out)?,
            };
            out.release(Direction::ToClient, used);
            rest = rest.get(used..).unwrap_or_default();
            self.end_response_body(limits);
        }
        Ok(Next::Http)
    }

    fn end_response_head(
        &mut self,
        last: &[u8],
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<Answer, Stop> {
        let limits = &settings.limits;
        let ResponseSide::Head(head) = &mut self.response else { return Ok(Answer::Interim) };
        let response = parse_response(head.whole(last), self.waiting.front(), limits)?;
        self.responses += 1;
        match response {
            Response::Interim => {
                self.response = ResponseSide::Head(Head::new(FirstLine::Response, limits));
                Ok(Answer::Interim)
            }
            Response::Final(body) => {
                self.response = ResponseSide::Body(body);
                // Without a request it is a timeout or a refusal of a request that is not complete, and the server
                // is about to close. Once, that is harmless; but no switch can be trusted any more.
                if self.waiting.pop_front().is_none() && std::mem::replace(&mut self.out_of_step, true) {
                    return Err(CloseReason::HttpAmbiguous(HttpAmbiguity::UnexpectedResponse).into());
                }
                Ok(Answer::Final)
            }
            Response::Tunnel | Response::OtherProtocol | Response::WebSocket(_) if self.out_of_step => {
                Err(CloseReason::HttpAmbiguous(HttpAmbiguity::UnexpectedResponse).into())
            }
            Response::Tunnel => Err(Stop::Opaque(OpaqueKind::Connect)),
            Response::OtherProtocol => Err(Stop::Opaque(OpaqueKind::Upgrade)),
            Response::WebSocket(accepted) => {
                let early = match &mut self.request {
                    RequestSide::Early(early) => std::mem::take(early),
                    // The body of the request is still on its way: where the frames begin is anyone's guess.
                    RequestSide::Head(_) | RequestSide::Body(_) => {
                        return Err(CloseReason::HttpAmbiguous(HttpAmbiguity::UnexpectedResponse).into());
                    }
                };
                if !settings.handshake.allows_subprotocol(accepted.handshake.subprotocol()) {
                    let breach = Breach::new(Direction::ToClient, CloseReason::SubprotocolNotAllowed);
                    out.object(breach).map_err(|breach| breach.reason)?;
                }
                if settings.deflate == DeflatePolicy::Refuse && accepted.deflate.is_some() {
                    let breach = Breach::new(Direction::ToClient, CloseReason::DeflateNotAllowed);
                    out.object(breach).map_err(|breach| breach.reason)?;
                }
                Ok(Answer::WebSocket(accepted, early))
            }
        }
    }

    fn end_response_body(&mut self, limits: &Limits) {
        if let ResponseSide::Body(body) = &self.response
            && body.is_done()
        {
            self.response = ResponseSide::Head(Head::new(FirstLine::Response, limits));
        }
    }

    /// Reads what waited for a response, if the request that it waited for is answered now.
    fn resume_client(&mut self, settings: &Settings, out: &mut Outbox) -> Result<(), Stop> {
        if self.waiting.iter().any(RequestKind::may_switch) {
            return Ok(());
        }
        match &mut self.request {
            RequestSide::Early(early) => {
                let early = std::mem::take(early);
                self.request = RequestSide::Head(Head::new(FirstLine::Request, &settings.limits));
                self.client(&early, settings, out).map_err(|stop| match stop {
                    Stop::Close(reason) => Stop::CloseEarly(reason),
                    Stop::CloseEarly(_) | Stop::Opaque(_) => stop,
                })
            }
            RequestSide::Head(_) | RequestSide::Body(_) => Ok(()),
        }
    }
}

/// A complete response head.
enum Answer {
    Interim,
    Final,
    WebSocket(Box<Accepted>, Vec<u8>),
}

impl Head {
    const fn new(first_line: FirstLine, limits: &Limits) -> Self {
        Self { scanner: HeadScanner::new(first_line, limits.max_head_bytes), bytes: Vec::new() }
    }

    fn read(&mut self, bytes: &[u8]) -> Scan {
        let scan = self.scanner.scan(bytes);
        if scan == Scan::More {
            self.bytes.extend_from_slice(bytes);
        }
        scan
    }

    /// The whole head, of which `last` is the last piece.
    fn whole<'a>(&'a mut self, last: &'a [u8]) -> &'a [u8] {
        if self.bytes.is_empty() {
            return last;
        }
        self.bytes.extend_from_slice(last);
        &self.bytes
    }
}

/// Lets a head of `total` held bytes go on without some of them.
fn release_but(cuts: &[Range<usize>], total: usize, out: &mut Outbox) {
    let mut at = 0;
    for cut in cuts {
        out.release(Direction::ToServer, cut.start - at);
        out.discard(Direction::ToServer, cut.len());
        at = cut.end;
    }
    out.release(Direction::ToServer, total - at);
}

fn advance(
    body: &mut Body,
    bytes: &[u8],
    direction: Direction,
    out: &mut Outbox,
) -> Result<usize, CloseReason> {
    body.advance(bytes).map_err(|(sound, error)| {
        out.release(direction, sound);
        match error {
            BodyError::Chunk => CloseReason::HttpAmbiguous(HttpAmbiguity::Chunk),
            BodyError::TooBig => CloseReason::HttpHeadTooBig,
        }
    })
}
