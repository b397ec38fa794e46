//! Which connections the daemon gets.

use aya_ebpf::programs::SkLookupContext;
use aya_log_ebpf::debug;
use framewall_common::{LISTENER_V4, LISTENER_V6};

use crate::{
    context::{AF_INET, IPPROTO_TCP, Lookup as _},
    maps::{FLOWS, LISTENERS, PORTS},
};

/// Assigns the daemon's listener to a new connection on a steered port.
///
/// Everything else is left to the kernel's own lookup: other ports, the daemon's own connections to the
/// application, and all connections while there is no listener, as after the daemon's end.
#[inline(always)]
pub(crate) fn steer(ctx: &SkLookupContext) {
    let port = ctx.local_port();
    if ctx.protocol() != IPPROTO_TCP || PORTS.get_ptr(port).is_none() {
        return;
    }
    let Some(flow) = ctx.flow() else { return };
    if FLOWS.get_ptr(flow).is_some() {
        debug!(ctx, "port {}: upstream connection passes to the application", port);
        return;
    }
    let listener = if ctx.family() == AF_INET { LISTENER_V4 } else { LISTENER_V6 };
    match LISTENERS.redirect_sk_lookup(ctx, listener, 0) {
        Ok(()) => debug!(ctx, "port {}: connection goes to the daemon", port),
        Err(errno) => debug!(ctx, "port {}: connection passes, listener not assigned: {}", port, errno),
    }
}
