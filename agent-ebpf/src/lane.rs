//! The fast lane: bytes between the daemon's upstream socket and the application's socket go from the one's `sendmsg` to
//! the other's queue, past the TCP stack.
//!
//! The kernel moves redirected bytes whatever the reader's buffer, and hands them out before bytes that came by TCP. So:
//!
//! - Bytes are redirected only while at most [`LANE_WINDOW`] wait for their reader, by the reader's own count. The
//!   application's bytes go by TCP then, with its flow control. The daemon does not send then: it counts what it sends, and
//!   asks when a window's worth has gone ([`count`]). It cannot be told by refusing a send: a socket to which a `sk_msg`
//!   program has once said `SK_DROP` is refused everything from then on (`psock->eval` in `tcp_bpf_send_verdict`).
//! - The application's bytes are redirected only if the daemon has read all that went by TCP: both ends of a connection
//!   count TCP bytes in one sequence space.
//! - In the application's socket bytes of one kind wait, never of both: whatever it asks (`FIONREAD`, edge-triggered
//!   polling) has one answer, and a daemon that dies leaves no hole between the two.
//! - A lane is left for good when the application has read everything: its socket leaves the map, TCP goes on.

use aya_ebpf::programs::{SkMsgContext, SockAddrContext, SockOpsContext};
use aya_log_ebpf::debug;
use framewall_common::{
    LANE_AGENT, LANE_APP, LANE_LEFT, LANE_OPEN, LANE_WINDOW, Lane, LaneEnd, NOT_TOLD, lane_key, lane_slot,
};

use crate::{
    context::{self, Connection as _, Message as _, PeerName as _},
    maps::{COPIED_SEQ, LANE_BYTES, LANE_ENDS, LANE_SOCKETS, LANES, RMEM_ALLOC, WRITE_SEQ},
};

const AGENT: usize = LANE_AGENT as usize;
const APP: usize = LANE_APP as usize;

/// Opens a lane: the daemon's socket has connected. If that fails there is none, and the connection has plain TCP.
///
/// The daemon removes the entry, and with the daemon the map goes.
#[inline(always)]
pub(crate) fn open(ctx: &SockOpsContext, number: u64) {
    let lane = Lane {
        sockets: [ctx.address(), 0],
        sent: [0; 2],
        waiting: 0,
        state: LANE_OPEN,
        app_begins: 0,
        padding: 0,
    };
    tell(number, NOT_TOLD);
    // Known first: a member without an entry would send by TCP only, which is safe, and for ever, which is not meant.
    if let Err(errno) = LANES.insert(number, lane, 0) {
        debug!(ctx, "no fast lane, the table of lanes does not take it: {}", errno);
        return;
    }
    if let Err(errno) = enter(ctx, number, LANE_AGENT) {
        debug!(ctx, "no fast lane, the daemon's socket cannot join: {}", errno);
        let _ = LANES.remove(number);
    }
}

/// The application's socket has accepted, and joins.
#[inline(always)]
pub(crate) fn join(ctx: &SockOpsContext, number: u64) {
    if LANES.get_ptr_mut(number).is_none() {
        return;
    }
    let joined = enter(ctx, number, LANE_APP);
    // Asked again after joining: the daemon may have given up waiting in between, and what it sends then goes by TCP.
    let Some(lane) = LANES.get_ptr_mut(number).map(context::value) else { return };
    match joined {
        Ok(()) if lane.state == LANE_OPEN => {
            lane.sockets[APP] = ctx.address();
            let app = context::as_number(&lane.sockets[APP]);
            lane.app_begins = context::peek(app, WRITE_SEQ.load()).unwrap_or_default();
        }
        Ok(()) => context::leave(&LANE_SOCKETS, lane_key(number, LANE_APP)),
        Err(errno) => {
            debug!(ctx, "no fast lane, the application's socket cannot join: {}", errno);
            lane.state = LANE_LEFT;
        }
    }
}

#[inline(always)]
fn enter(ctx: &SockOpsContext, number: u64, end: u32) -> Result<(), i32> {
    if !ctx.store(&LANE_ENDS, LaneEnd { lane: number, end, padding: 0 }) {
        return Err(-12);
    }
    ctx.join(&LANE_SOCKETS, lane_key(number, end))
}

/// Sends the bytes of an end of a lane on their way; without an answer they go by TCP.
#[inline(always)]
pub(crate) fn carry(ctx: &SkMsgContext) {
    let Some(end) = ctx.stored(&LANE_ENDS) else { return };
    let Some(lane) = LANES.get_ptr_mut(end.lane).map(context::value) else { return };
    // Once for both: of two reads in two branches LLVM makes one that the verifier refuses.
    let bytes = ctx.bytes();
    if end.end == LANE_AGENT {
        to_app(ctx, end.lane, lane, bytes);
    } else {
        to_agent(ctx, end.lane, lane, bytes);
    }
}

/// Counts what waits for the application, if it is the daemon's end of a lane that is asked for its peer.
#[inline(always)]
pub(crate) fn count(ctx: &SockAddrContext) {
    if let Some(end) = ctx.stored(&LANE_ENDS)
        && end.end == LANE_AGENT
        && let Some(lane) = LANES.get_ptr_mut(end.lane).map(context::value)
        && let Some(waiting) = context::peek(lane.sockets[APP], RMEM_ALLOC.load())
    {
        lane.waiting = waiting;
    }
}

#[inline(always)]
fn to_app(ctx: &SkMsgContext, number: u64, lane: &mut Lane, bytes: u32) {
    // The application's socket may have closed: TCP answers with a reset.
    if lane.state == LANE_OPEN && redirect(ctx, number, LANE_APP) {
        lane.sent[AGENT] += u64::from(bytes);
    }
}

#[inline(always)]
fn to_agent(ctx: &SkMsgContext, number: u64, lane: &mut Lane, bytes: u32) {
    let [agent, app] = lane.sockets;
    let read = context::peek(agent, COPIED_SEQ.load());
    let written = context::peek(app, WRITE_SEQ.load());
    let waiting = context::peek(agent, RMEM_ALLOC.load());
    if let Some(written) = written {
        let by_tcp = written.wrapping_sub(lane.app_begins);
        tell(number, by_tcp.wrapping_add(lane.sent[APP] as u32).wrapping_add(bytes).into());
    }
    if let (Some(read), Some(written), Some(waiting)) = (read, written, waiting)
        && read == written
        && waiting.saturating_add(bytes) <= LANE_WINDOW
        && redirect(ctx, number, LANE_AGENT)
    {
        lane.sent[APP] += u64::from(bytes);
    }
}

/// Tells the daemon how many bytes the application will have sent: once it has read as many, it need not ask for more.
///
/// They are not added up, for the kernel does not ask about each: not about those behind some that TCP had no room for.
#[inline(always)]
fn tell(number: u64, bytes: u64) {
    if let Some(told) = LANE_BYTES.get_ptr_mut(lane_slot(number)) {
        context::store(told, bytes);
    }
}

/// Sends the bytes to the other end's queue; false if it is not there.
#[inline(always)]
fn redirect(ctx: &SkMsgContext, number: u64, to: u32) -> bool {
    const BPF_F_INGRESS: u64 = 1;
    const SK_PASS: i64 = 1;
    LANE_SOCKETS.redirect_msg(ctx, lane_key(number, to), BPF_F_INGRESS) == SK_PASS
}
