//! What the application is told about who its peer is.

use aya_ebpf::programs::SockAddrContext;

use crate::{context::PeerName as _, lane, maps::CLIENTS};

/// Answers for an `AF_INET` socket of the application.
#[inline(always)]
pub(crate) fn report_v4(ctx: &SockAddrContext) {
    if let Some(client) = ctx.stored(&CLIENTS)
        && let Some(ip) = client.ip4()
    {
        ctx.set_v4(ip, client.port);
    } else {
        lane::count(ctx);
    }
}

/// Answers for an `AF_INET6` socket of the application; IPv4 clients of a dual-stack socket are IPv4-mapped.
#[inline(always)]
pub(crate) fn report_v6(ctx: &SockAddrContext) {
    if let Some(client) = ctx.stored(&CLIENTS) {
        ctx.set_v6(&client);
    } else {
        lane::count(ctx);
    }
}
