//! What the handshake says about the format of messages.

/// The format that a negotiated sub-protocol (RFC 6455 §1.9) prescribes, as far as it tells how to read a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subprotocol {
    /// None was negotiated, or it says nothing about the format: messages show it themselves.
    #[default]
    Unknown,
    /// `graphql-transport-ws`, `graphql-ws`, `wamp.2.json`, `ocpp1.6` and others: every message is JSON.
    Json,
    /// `mqtt`: MQTT control packets (MQTT 5 §6).
    Mqtt,
    /// `v10.stomp` to `v12.stomp`: STOMP frames.
    Stomp,
    /// `xmpp`: XML stanzas (RFC 7395), also `soap`.
    Xml,
    /// `wamp.2.msgpack` and others: MessagePack.
    MessagePack,
    /// `wamp.2.cbor` and others: CBOR (RFC 8949).
    Cbor,
}

impl Subprotocol {
    /// Reads the value that the server chose.
    pub(crate) fn parse(name: Option<&str>) -> Self {
        let Some(name) = name else { return Self::Unknown };
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            // The second name is the one of Apollo's retired library.
            "graphql-transport-ws" | "graphql-ws" => Self::Json,
            "mqtt" | "mqttv3.1" | "mqttv3.1.1" => Self::Mqtt,
            "v10.stomp" | "v11.stomp" | "v12.stomp" | "stomp" => Self::Stomp,
            "xmpp" | "xmpp-framing" | "soap" => Self::Xml,
            "json" => Self::Json,
            "msgpack" => Self::MessagePack,
            "cbor" => Self::Cbor,
            // WAMP's batched serialisations put other bytes between the messages.
            _ if name.ends_with(".batched") => Self::Unknown,
            _ if name.starts_with("wamp.2.json") => Self::Json,
            _ if name.starts_with("ocpp") => Self::Json,
            _ if name.ends_with(".msgpack") => Self::MessagePack,
            _ if name.ends_with(".cbor") => Self::Cbor,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_say_how_to_read_messages() {
        for (name, subprotocol) in [
            ("mqtt", Subprotocol::Mqtt),
            ("graphql-transport-ws", Subprotocol::Json),
            ("graphql-ws", Subprotocol::Json),
            ("v12.stomp", Subprotocol::Stomp),
            ("wamp.2.json", Subprotocol::Json),
            ("wamp.2.msgpack", Subprotocol::MessagePack),
            ("wamp.2.cbor", Subprotocol::Cbor),
            ("wamp.2.msgpack.batched", Subprotocol::Unknown),
            ("ocpp1.6", Subprotocol::Json),
            ("chat", Subprotocol::Unknown),
        ] {
            assert_eq!(Subprotocol::parse(Some(name)), subprotocol, "{name}");
        }
        assert_eq!(Subprotocol::parse(None), Subprotocol::Unknown);
    }
}
