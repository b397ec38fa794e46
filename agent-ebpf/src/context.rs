//! Reads and writes of the kernel's contexts and of socket storage: the only unsafe code of the programs.
//!
//! Every field is read by itself with `read_volatile`, those of both address families before the family is looked
//! at, and IPv6 words are written one by one with `write_volatile`. Otherwise LLVM merges the loads of two branches
//! behind a changed context pointer, or emits a `memcpy`, and the verifier refuses both ("dereference of modified
//! ctx ptr"). The fields of the other family are allowed to be read and have no meaning.
#![expect(unsafe_code, reason = "context fields and helpers are raw pointers")]

use core::ptr::{self, addr_of, addr_of_mut};

use aya_ebpf::{
    EbpfContext as _,
    bindings::{BPF_SK_STORAGE_GET_F_CREATE, bpf_sock},
    btf_maps::{SkStorage, SockHash},
    helpers::{bpf_get_netns_cookie, bpf_map_delete_elem, bpf_probe_read_kernel, bpf_sk_storage_get},
    programs::{SkLookupContext, SkMsgContext, SockAddrContext, SockOpsContext},
};
use framewall_common::{Endpoint, FlowKey};

/// Linux's `AF_INET`.
pub(crate) const AF_INET: u32 = 2;
/// Linux's `AF_INET6`.
pub(crate) const AF_INET6: u32 = 10;
/// `IPPROTO_TCP` (RFC 9293).
pub(crate) const IPPROTO_TCP: u32 = 6;

/// Reads one field of a context.
macro_rules! field {
    ($context:expr, $($field:tt)+) => {
        // SAFETY: the kernel passes a valid context; the verifier checks the offset and width of the load.
        unsafe { ptr::read_volatile(addr_of!((*$context).$($field)+)) }
    };
}

/// Writes one field of a context.
macro_rules! set_field {
    ($context:expr, $($field:tt)+) => {
        |value| {
            // SAFETY: the kernel passes a valid context; the verifier checks that the field may be written.
            unsafe { ptr::write_volatile(addr_of_mut!((*$context).$($field)+), value) }
        }
    };
}

/// Reads the four words of an IPv6 address.
macro_rules! words {
    ($context:expr, $field:ident) => {
        [
            field!($context, $field[0]),
            field!($context, $field[1]),
            field!($context, $field[2]),
            field!($context, $field[3]),
        ]
    };
}

/// Picks the address of `family`; `None` for a family that is neither IPv4 nor IPv6.
#[inline(always)]
fn endpoint(family: u32, v4: u32, v6: [u32; 4], port: u16) -> Option<Endpoint> {
    match family {
        AF_INET => Some(Endpoint::v4(v4, port)),
        AF_INET6 => Some(Endpoint::v6(v6, port)),
        _ => None,
    }
}

/// What a `sk_lookup` program is asked about.
pub(crate) trait Lookup {
    fn protocol(&self) -> u32;
    fn family(&self) -> u32;
    /// Destination port in host byte order.
    fn local_port(&self) -> u16;
    /// Source and destination of the packet; `None` for a family that is neither IPv4 nor IPv6.
    fn flow(&self) -> Option<FlowKey>;
}

impl Lookup for SkLookupContext {
    #[inline(always)]
    fn protocol(&self) -> u32 {
        field!(self.lookup, protocol)
    }

    #[inline(always)]
    fn family(&self) -> u32 {
        field!(self.lookup, family)
    }

    #[inline(always)]
    fn local_port(&self) -> u16 {
        field!(self.lookup, local_port) as u16
    }

    #[inline(always)]
    fn flow(&self) -> Option<FlowKey> {
        let ctx = self.lookup;
        let family = self.family();
        let remote = (field!(ctx, remote_ip4), words!(ctx, remote_ip6), field!(ctx, remote_port));
        let local = (field!(ctx, local_ip4), words!(ctx, local_ip6), self.local_port().to_be());
        Some(FlowKey {
            source: endpoint(family, remote.0, remote.1, remote.2)?,
            destination: endpoint(family, local.0, local.1, local.2)?,
        })
    }
}

/// What a `sock_ops` program is told.
pub(crate) trait Connection {
    /// The state a `BPF_SOCK_OPS_STATE_CB` leads to (`BPF_TCP_*`).
    fn new_state(&self) -> u32;
    /// Cookie of the socket's network namespace.
    fn netns_cookie(&self) -> u64;
    /// Our end; `None` for a family that is neither IPv4 nor IPv6.
    fn local(&self) -> Option<Endpoint>;
    /// The other end.
    fn remote(&self) -> Option<Endpoint>;
    /// The value that `storage` has for this socket.
    fn stored<T: Copy>(&self, storage: &SkStorage<T>) -> Option<T>;
    /// Sets the value that `storage` has for this socket; false if the kernel is out of memory.
    fn store<T>(&self, storage: &SkStorage<T>, value: T) -> bool;
    /// The address of this socket in the kernel; 0 if it is none yet.
    fn address(&self) -> u64;
    /// Puts this socket into `sockets`, or says with which error the kernel refuses.
    fn join<const N: usize>(&self, sockets: &SockHash<u64, N>, key: u64) -> Result<(), i32>;
}

impl Connection for SockOpsContext {
    #[inline(always)]
    fn new_state(&self) -> u32 {
        field!(self.ops, __bindgen_anon_1.args[1])
    }

    #[inline(always)]
    fn netns_cookie(&self) -> u64 {
        // SAFETY: the context is the one the kernel passed.
        unsafe { bpf_get_netns_cookie(self.as_ptr()) }
    }

    #[inline(always)]
    fn local(&self) -> Option<Endpoint> {
        let ctx = self.ops;
        let (v4, v6) = (field!(ctx, local_ip4), words!(ctx, local_ip6));
        // Host byte order in this field, unlike the remote port.
        let port = (field!(ctx, local_port) as u16).to_be();
        endpoint(field!(ctx, family), v4, v6, port)
    }

    #[inline(always)]
    fn remote(&self) -> Option<Endpoint> {
        let ctx = self.ops;
        let (v4, v6) = (field!(ctx, remote_ip4), words!(ctx, remote_ip6));
        // A 32-bit field that holds the port in the upper half of its network byte order.
        let port = (u32::from_be(field!(ctx, remote_port)) as u16).to_be();
        endpoint(field!(ctx, family), v4, v6, port)
    }

    #[inline(always)]
    fn stored<T: Copy>(&self, storage: &SkStorage<T>) -> Option<T> {
        load(field!(self.ops, __bindgen_anon_2.sk), storage)
    }

    #[inline(always)]
    fn store<T>(&self, storage: &SkStorage<T>, mut value: T) -> bool {
        let socket = field!(self.ops, __bindgen_anon_2.sk);
        if socket.is_null() {
            return false;
        }
        // SAFETY: the socket is not null and the value is as large as the map's values.
        let slot = unsafe {
            bpf_sk_storage_get(
                ptr::from_ref(storage).cast_mut().cast(),
                socket.cast(),
                ptr::from_mut(&mut value).cast(),
                BPF_SK_STORAGE_GET_F_CREATE.into(),
            )
        };
        !slot.is_null()
    }

    #[inline(always)]
    fn address(&self) -> u64 {
        let socket = field!(self.ops, __bindgen_anon_2.sk);
        if socket.is_null() { 0 } else { socket as u64 }
    }

    #[inline(always)]
    fn join<const N: usize>(&self, sockets: &SockHash<u64, N>, key: u64) -> Result<(), i32> {
        // SAFETY: the kernel passes a valid context, and nothing else refers to it during the call.
        let ops = unsafe { &mut *self.ops };
        sockets.update(key, ops, 0)
    }
}

/// Takes a socket out of `sockets`.
#[inline(always)]
pub(crate) fn leave<const N: usize>(sockets: &SockHash<u64, N>, key: u64) {
    // SAFETY: the map's keys are as large as this one. An error means that it is not there, which was wanted.
    unsafe { bpf_map_delete_elem(ptr::from_ref(sockets).cast_mut().cast(), ptr::from_ref(&key).cast()) };
}

/// What a `sk_msg` program is asked about.
pub(crate) trait Message {
    /// Bytes that are being sent.
    fn bytes(&self) -> u32;
    /// The value that `storage` has for the sending socket.
    fn stored<T: Copy>(&self, storage: &SkStorage<T>) -> Option<T>;
}

impl Message for SkMsgContext {
    #[inline(always)]
    fn bytes(&self) -> u32 {
        field!(self.msg, size)
    }

    #[inline(always)]
    fn stored<T: Copy>(&self, storage: &SkStorage<T>) -> Option<T> {
        load(field!(self.msg, __bindgen_anon_3.sk), storage)
    }
}

/// Reads a number that the kernel keeps `offset` bytes into a socket; `None` where there is no memory.
///
/// The socket may be gone, and its memory another's: what is read is for judging only.
#[inline(always)]
pub(crate) fn peek(socket: u64, offset: u32) -> Option<u32> {
    // SAFETY: the helper survives any address.
    unsafe { bpf_probe_read_kernel((socket + u64::from(offset)) as *const u32) }.ok()
}

/// Changes a map value in place.
#[inline(always)]
pub(crate) fn value<'a, T>(pointer: *mut T) -> &'a mut T {
    // SAFETY: map lookups answer with a pointer to a whole value, valid while the program runs; other programs may write
    // at the same time, each to fields of its own, and words are written whole.
    unsafe { &mut *pointer }
}

/// Reads an address back from a map: the verifier lets a program compute with it, as it does not with a context's pointer.
#[inline(always)]
pub(crate) fn as_number(address: &u64) -> u64 {
    // SAFETY: a reference can be read from.
    unsafe { ptr::read_volatile(address) }
}

/// Writes a number in a map that the daemon reads at the same time.
#[inline(always)]
pub(crate) fn store(place: *mut u64, number: u64) {
    // SAFETY: map lookups answer with a pointer to a whole value, valid while the program runs. A word is written whole; LLVM
    // knows no atomic stores for these programs.
    unsafe { place.write_volatile(number) };
}

/// What a `getpeername` hook is about to answer.
pub(crate) trait PeerName {
    /// The value that `storage` has for the socket asked.
    fn stored<T: Copy>(&self, storage: &SkStorage<T>) -> Option<T>;
    /// Answers with an IPv4 address in the byte order of the wire.
    fn set_v4(&self, ip: u32, port: u16);
    /// Answers with an IPv6 address.
    fn set_v6(&self, endpoint: &Endpoint);
}

impl PeerName for SockAddrContext {
    #[inline(always)]
    fn stored<T: Copy>(&self, storage: &SkStorage<T>) -> Option<T> {
        load(field!(self.sock_addr, __bindgen_anon_1.sk), storage)
    }

    #[inline(always)]
    fn set_v4(&self, ip: u32, port: u16) {
        set_field!(self.sock_addr, user_ip4)(ip);
        set_field!(self.sock_addr, user_port)(u32::from(port));
    }

    #[inline(always)]
    fn set_v6(&self, endpoint: &Endpoint) {
        set_field!(self.sock_addr, user_ip6[0])(endpoint.ip[0]);
        set_field!(self.sock_addr, user_ip6[1])(endpoint.ip[1]);
        set_field!(self.sock_addr, user_ip6[2])(endpoint.ip[2]);
        set_field!(self.sock_addr, user_ip6[3])(endpoint.ip[3]);
        set_field!(self.sock_addr, user_port)(u32::from(endpoint.port));
    }
}

/// Reads the value of a socket.
///
/// `bpf_sk_storage_get` is called with the map's address because aya's wrapper knows only the context of
/// `cgroup_sock_addr` programs.
#[inline(always)]
fn load<T: Copy>(socket: *mut bpf_sock, storage: &SkStorage<T>) -> Option<T> {
    if socket.is_null() {
        return None;
    }
    // SAFETY: the socket is not null; a null value and no flags ask for what is there.
    let value = unsafe {
        bpf_sk_storage_get(ptr::from_ref(storage).cast_mut().cast(), socket.cast(), ptr::null_mut(), 0)
    };
    // SAFETY: the helper answers null or a pointer to a value of the map, valid while the program runs.
    unsafe { value.cast::<T>().as_ref() }.copied()
}

/// Copies a map value.
#[inline(always)]
pub(crate) fn read<T: Copy>(value: *const T) -> T {
    // SAFETY: map lookups answer with a pointer to a whole value, valid while the program runs; a plain copy
    // may see a concurrent write to the same entry, and each flow has one writer.
    unsafe { *value }
}
