//! receive-rumqttc PORT AUTHORITY|- WARM_UP MESSAGES CORE: subscribes twice, counts, prints what the second run cost as JSON.

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use std::time::Instant;

fn usage() -> libc::rusage {
    let mut usage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage
}

fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

fn pin_to_core(core: i64) {
    if core < 0 {
        return;
    }
    unsafe {
        let mut only: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core as usize, &mut only);
        libc::sched_setaffinity(0, std::mem::size_of::<libc::cpu_set_t>(), &only);
    }
}

fn receive(client: &Client, connection: &mut Connection, wanted: u64) -> u64 {
    client.subscribe("plant/+/telemetry", QoS::AtMostOnce).expect("subscribe");
    let (mut messages, mut bytes) = (0, 0);
    for event in connection.iter() {
        if let Event::Incoming(Packet::Publish(publish)) = event.expect("the connection was lost") {
            bytes += publish.payload.len() as u64;
            messages += 1;
            if messages == wanted {
                break;
            }
        }
    }
    bytes
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = |at: usize| words[at].parse::<i64>().expect("a number");
    pin_to_core(number(5));
    let mut options = MqttOptions::new("receive-rumqttc", "127.0.0.1", number(1) as u16);
    options.set_max_packet_size(256 << 20, 256 << 20);
    if words[2] != "-" {
        let ca = std::fs::read(&words[2]).expect("the authority's file");
        options.set_transport(Transport::Tls(TlsConfiguration::Simple { ca, alpn: None, client_auth: None }));
    }
    let (client, mut connection) = Client::new(options, 10);
    receive(&client, &mut connection, number(3) as u64);
    let wanted = number(4) as u64;
    let (before, started) = (usage(), Instant::now());
    let bytes = receive(&client, &mut connection, wanted);
    let (after, wall_s) = (usage(), started.elapsed().as_secs_f64());
    println!(
        "{{\"user_s\": {}, \"system_s\": {}, \"wall_s\": {}, \"rows\": {}, \"payload_bytes\": {}}}",
        seconds(after.ru_utime) - seconds(before.ru_utime),
        seconds(after.ru_stime) - seconds(before.ru_stime),
        wall_s,
        wanted,
        bytes
    );
}
