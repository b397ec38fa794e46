//! Framewall's kernel programs: entry points only, each turns a result into the kernel's return code.
//!
//! | program | hook | does |
//! |---|---|---|
//! | `framewall_steer` | `sk_lookup` | new connections on steered ports go to the daemon's listener |
//! | `framewall_flow` | `sock_ops` | the client's address travels from the daemon's upstream socket to the application's socket |
//! | `framewall_lane` | `sk_msg` | with a fast lane: bytes between the two go from one socket to the other |
//! | `framewall_peer4`, `framewall_peer6` | `cgroup/getpeername*` | the application sees its client's address |
#![no_std]
#![no_main]

mod context;
mod flow;
mod lane;
mod maps;
mod peer;
mod steer;

use aya_ebpf::{
    macros::{cgroup_sock_addr, sk_lookup, sk_msg, sock_ops},
    programs::{SkLookupContext, SkMsgContext, SockAddrContext, SockOpsContext},
};

/// `SK_PASS` of `enum sk_action`; without an assigned socket the kernel's own lookup goes on.
const SK_PASS: u32 = 1;
/// The verifier accepts nothing else from a getpeername hook.
const PROCEED: i32 = 1;
/// `sock_ops` programs answer through `reply`; the return code is not used.
const DONE: u32 = 1;

/// Decides which socket a new connection reaches (kernel 5.9).
#[sk_lookup]
fn framewall_steer(ctx: SkLookupContext) -> u32 {
    steer::steer(&ctx);
    SK_PASS
}

/// Sees the TCP connections of the host begin and end (kernel 5.15 for the namespace's cookie).
#[sock_ops]
fn framewall_flow(ctx: SockOpsContext) -> u32 {
    flow::follow(&ctx);
    DONE
}

/// Carries what the ends of a fast lane send (kernel 5.15, as tested).
#[sk_msg]
fn framewall_lane(ctx: SkMsgContext) -> u32 {
    lane::carry(&ctx);
    SK_PASS
}

/// Answers `getpeername` and `accept` on `AF_INET` sockets (kernel 5.8).
#[cgroup_sock_addr(getpeername4)]
fn framewall_peer4(ctx: SockAddrContext) -> i32 {
    peer::report_v4(&ctx);
    PROCEED
}

/// Answers `getpeername` and `accept` on `AF_INET6` sockets (kernel 5.8).
#[cgroup_sock_addr(getpeername6)]
fn framewall_peer6(ctx: SockAddrContext) -> i32 {
    peer::report_v6(&ctx);
    PROCEED
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The licence the kernel reads: helpers such as `bpf_sk_storage_get` are for GPL-compatible programs.
#[expect(unsafe_code, reason = "a link section is how the kernel finds the licence")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
