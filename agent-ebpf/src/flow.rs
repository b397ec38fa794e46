//! How the client's address gets from the daemon's upstream socket to the application's socket.
//!
//! 1. The daemon stores the address on its socket, then calls `connect`.
//! 2. Before the SYN leaves, the address goes into `FLOWS` under the connection's two ends.
//! 3. When the application's socket comes to be, the address moves from `FLOWS` into that socket's storage.
//!
//! A connect that fails closes its socket, and that removes the entry, whatever became of the daemon.

use aya_ebpf::{
    bindings::{
        BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_STATE_CB,
        BPF_SOCK_OPS_STATE_CB_FLAG, BPF_SOCK_OPS_TCP_CONNECT_CB, BPF_TCP_CLOSE,
    },
    programs::SockOpsContext,
};
use aya_log_ebpf::{debug, error};
use framewall_common::{FlowKey, Upstream};

use crate::{
    context::Connection as _,
    lane,
    maps::{CLIENTS, FLOWS, NETNS_COOKIE, UPSTREAMS},
};

/// Handles one callback of a TCP socket.
#[inline(always)]
pub(crate) fn follow(ctx: &SockOpsContext) {
    match ctx.op() {
        BPF_SOCK_OPS_TCP_CONNECT_CB if is_ours(ctx) => connecting(ctx),
        BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB if is_ours(ctx) => connected(ctx),
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB if is_ours(ctx) => accepted(ctx),
        // Only sockets for which `connecting` asked for it.
        BPF_SOCK_OPS_STATE_CB if ctx.new_state() == BPF_TCP_CLOSE => closed(ctx),
        _ => {}
    }
}

/// The cgroup's programs see the sockets of every namespace, whose addresses may be the same as ours.
#[inline(always)]
fn is_ours(ctx: &SockOpsContext) -> bool {
    ctx.netns_cookie() == NETNS_COOKIE.load()
}

#[inline(always)]
fn connecting(ctx: &SockOpsContext) {
    let Some(upstream) = ctx.stored(&UPSTREAMS) else { return };
    let Some(flow) = outgoing(ctx) else { return };
    // Asked for first: an entry without the callback would outlive a failed connect.
    let inserted =
        ctx.set_cb_flags(BPF_SOCK_OPS_STATE_CB_FLAG as i32).and_then(|()| FLOWS.insert(flow, upstream, 0));
    if let Err(errno) = inserted {
        error!(ctx, "upstream connection not registered, it comes back to the daemon: {}", errno);
    }
}

#[inline(always)]
fn connected(ctx: &SockOpsContext) {
    if let Some(upstream) = ctx.stored(&UPSTREAMS)
        && upstream.lane != 0
    {
        lane::open(ctx, upstream.lane);
    }
}

#[inline(always)]
fn accepted(ctx: &SockOpsContext) {
    let (Some(source), Some(destination)) = (ctx.remote(), ctx.local()) else { return };
    let flow = FlowKey { source, destination };
    let Some(upstream) = take(&flow) else { return };
    if upstream.lane != 0 {
        lane::join(ctx, upstream.lane);
    }
    if ctx.store(&CLIENTS, upstream.client) {
        debug!(ctx, "application socket of port {} has its client's address", u16::from_be(destination.port));
    } else {
        error!(ctx, "no memory for a client's address: the application sees a loopback address");
    }
}

#[inline(always)]
fn closed(ctx: &SockOpsContext) {
    if let Some(flow) = outgoing(ctx) {
        // Gone already if the application accepted it.
        let _ = FLOWS.remove(flow);
    }
}

/// The flow of a socket that connects.
#[inline(always)]
fn outgoing(ctx: &SockOpsContext) -> Option<FlowKey> {
    Some(FlowKey { source: ctx.local()?, destination: ctx.remote()? })
}

/// Removes a flow and returns what it is for.
#[inline(always)]
fn take(flow: &FlowKey) -> Option<Upstream> {
    let upstream = crate::context::read(FLOWS.get_ptr(flow)?);
    // The application's listener can accept a flow once only: nobody else removes it in between.
    let _ = FLOWS.remove(flow);
    Some(upstream)
}
