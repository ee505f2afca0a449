//! How an operating system's TCP is set: what the standards leave open, and what systems do.

use base::Duration;

/// Everything about an endpoint that is not about one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The most payload of a segment, in bytes.
    pub mss: u32,
    /// Timestamps (RFC 7323, 3): a round trip is measured on segments sent twice, too.
    pub timestamps: bool,
    /// Segments that may be sent before the first acknowledgement (RFC 6928).
    pub initial_window: u32,
    /// How the window grows and shrinks.
    pub algorithm: Algorithm,
    /// What of an acknowledgement lets it grow.
    pub counting: Counting,
    /// How losses are found.
    pub detection: Detection,
    /// Whether the last data is asked for before the timeout (RFC 8985, 7).
    pub tail_probe: bool,
    /// The timeout before anything was measured, and of SYN (RFC 6298, 2.1).
    pub initial_rto: Duration,
    /// The timeout after a handshake that had to be repeated, if nothing was measured (RFC 6298,
    /// 5.7).
    pub rto_after_syn_loss: Duration,
    /// The shortest timeout.
    pub min_rto: Duration,
    /// Of what it is the shortest.
    pub floor: Floor,
    /// The longest timeout.
    pub max_rto: Duration,
    /// So many lost SYNs leave the initial window as it is; more leave a segment (RFC 5681, 3.1).
    pub syn_losses_forgiven: u8,
    /// How often SYN is sent again.
    pub syn_retries: u8,
    /// How often the answer to SYN is sent again.
    pub syn_ack_retries: u8,
    /// How often data is sent again before the peer is given up.
    pub data_retries: u8,
    /// Data unacknowledged for so long ends the connection (RFC 5482; TCP_USER_TIMEOUT).
    pub user_timeout: Option<Duration>,
    /// An acknowledgement for every so many full segments: b in the formulas.
    pub ack_every: u32,
    /// And for fewer, after so long (RFC 5681, 4.2: at most 500 ms).
    pub ack_delay: Duration,
    /// So many segments at the beginning are acknowledged at once, until the first answer.
    pub quick_acks: u8,
    /// What may have arrived without having been read, in bytes.
    pub receive_buffer: u32,
    /// Whether small segments wait for the acknowledgement of earlier ones (RFC 896).
    pub nagle: bool,
    /// Whether the window shrinks when nothing was sent for a timeout (RFC 5681, 4.1).
    pub idle_restart: bool,
    /// How long the end that closed first remembers the connection (RFC 9293, 3.6.1).
    pub time_wait: Duration,
    /// How long an end that nobody reads waits for the peer's FIN.
    pub fin_wait: Duration,
    /// Whether an idle peer is asked if it is still there.
    pub keepalive: Option<Keepalive>,
}

/// How the congestion window grows and shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 5681 and RFC 6582: a segment more a round trip, half of it at a loss.
    NewReno,
    /// RFC 9438.
    Cubic,
}

/// What of an acknowledgement lets the window grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// That it came (RFC 5681, 3.1): fewer of them, slower growth.
    Acks,
    /// What it acknowledged (RFC 3465).
    Bytes,
}

/// How losses are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// By how much was received after the gap (RFC 6675).
    Sack,
    /// By how long ago something sent later was received (RFC 8985).
    Rack,
}

/// Of what the shortest timeout is the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// Of the whole timeout (RFC 6298, 2.4).
    Timeout,
    /// Of the part that stands for variation: it comes on top of the round trip (Linux).
    Variation,
}

/// How an idle peer is asked if it is still there (RFC 9293, 3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// After so long without a word.
    pub idle: Duration,
    /// Again after so long.
    pub interval: Duration,
    /// So often, before it is given up.
    pub probes: u8,
}

impl Profile {
    /// What the standards say, where they say it: one-second timeouts, two segments per
    /// acknowledgement, NewReno with SACK.
    pub const fn rfc() -> Self {
        Self {
            mss: 1_460,
            timestamps: false,
            initial_window: 10,
            algorithm: Algorithm::NewReno,
            counting: Counting::Acks,
            detection: Detection::Sack,
            tail_probe: false,
            initial_rto: Duration::from_secs(1),
            rto_after_syn_loss: Duration::from_secs(3),
            min_rto: Duration::from_secs(1),
            floor: Floor::Timeout,
            max_rto: Duration::from_secs(60),
            syn_losses_forgiven: 0,
            syn_retries: 6,
            syn_ack_retries: 5,
            data_retries: 15,
            user_timeout: None,
            ack_every: 2,
            ack_delay: Duration::from_millis(200),
            quick_acks: 0,
            receive_buffer: 16 << 20,
            nagle: false,
            idle_restart: true,
            time_wait: Duration::from_secs(240),
            fin_wait: Duration::from_secs(60),
            keepalive: None,
        }
    }

    /// Linux as it comes: `tcp_rto_min` 200 ms, `tcp_rto_max` 120 s, `tcp_syn_retries` 6,
    /// `tcp_synack_retries` 5, `tcp_retries2` 15, delayed acknowledgements of 40 ms, CUBIC, RACK
    /// with tail probes, timestamps, `TIME_WAIT` of 60 s, `tcp_fin_timeout` 60 s; the receive
    /// buffer is what `tcp_rmem` lets it grow to.
    pub const fn linux() -> Self {
        Self {
            mss: 1_448,
            timestamps: true,
            algorithm: Algorithm::Cubic,
            counting: Counting::Bytes,
            detection: Detection::Rack,
            tail_probe: true,
            min_rto: Duration::from_millis(200),
            floor: Floor::Variation,
            max_rto: Duration::from_secs(120),
            syn_losses_forgiven: 1,
            ack_delay: Duration::from_millis(40),
            quick_acks: 16,
            receive_buffer: 6 << 20,
            time_wait: Duration::from_secs(60),
            ..Self::rfc()
        }
    }
}
