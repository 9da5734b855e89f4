//! The messages the other tests start from.

use freshtrack_core::time::Timestamp;
use freshtrack_ttn::event::{DeviceIdentity, LnsEvent, Network};
use freshtrack_ttn::network::parse_event;
use serde_json::{Value, json};

pub(crate) const CONNECTION: &str = "cn_5X2Q8R7T1V4W9Y3Z6A0B7C1D2E";

pub(crate) fn arrived() -> Timestamp {
    "2026-03-14T06:41:09.6Z".parse().unwrap()
}

/// The complete example of the specification, section 2.3.
pub(crate) fn complete() -> Value {
    json!({
        "end_device_ids": {
            "device_id": "sensor-a84041ffff1c2d3e",
            "application_ids": {"application_id": "ft-acme-cold"},
            "dev_eui": "A84041FFFF1C2D3E", "join_eui": "A840410000000101", "dev_addr": "260C7F4A"
        },
        "correlation_ids": ["gs:uplink:01JRC8Q2V4T7M9XK3N5P6W8Y0Z"],
        "received_at": "2026-03-14T06:41:09.481237605Z",
        "uplink_message": uplink_message()
    })
}

fn uplink_message() -> Value {
    json!({
        "session_key_id": "AZXHb1QmR6uVn0tYc2kPqw==", "f_port": 2, "f_cnt": 18231,
        "frm_payload": "y8YIwQHjAfjLf/8=",
        "decoded_payload": {
            "BatV": 3.014, "Bat_status": 3, "TempC_SHT": 22.41, "Hum_SHT": 48.3,
            "Ext_sensor": "Temperature Sensor", "TempC_DS": -18.45
        },
        "decoded_payload_warnings": ["probe cable older than calibration date"],
        "normalized_payload": [
            {"air": {"location": "indoor", "temperature": -18.45, "relativeHumidity": 48.3}, "battery": 3.014}
        ],
        "rx_metadata": [
            {
                "gateway_ids": {"gateway_id": "acme-dock-gw", "eui": "24E124FFFEF01234"},
                "time": "2026-03-14T06:41:09.231Z", "timestamp": 3_318_840_716_u32, "rssi": -97,
                "channel_rssi": -97, "snr": 6.5, "frequency_offset": "-1180",
                "location": {"latitude": 41.8837, "longitude": -87.6325, "altitude": 9, "source": "SOURCE_REGISTRY"},
                "uplink_token": "ChoKGAoMYWNtZS1kb2Nr", "channel_index": 3,
                "received_at": "2026-03-14T06:41:09.262904811Z"
            },
            {
                "gateway_ids": {"gateway_id": "packetbroker"},
                "packet_broker": {
                    "message_id": "01JRC8Q2WB", "forwarder_net_id": "000013",
                    "forwarder_tenant_id": "ttnv2", "forwarder_cluster_id": "nam1"
                },
                "rssi": -118, "channel_rssi": -118, "snr": -11.2
            }
        ],
        "settings": {
            "data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 9, "coding_rate": "4/5"}},
            "frequency": "904700000", "timestamp": 3_318_840_716_u32, "time": "2026-03-14T06:41:09.231Z"
        },
        "received_at": "2026-03-14T06:41:09.274018332Z", "confirmed": true,
        "consumed_airtime": "0.205824s", "packet_error_rate": 0.041,
        "locations": {"user": {"latitude": 41.88372, "longitude": -87.63251, "source": "SOURCE_REGISTRY"}},
        "version_ids": {
            "brand_id": "dragino", "model_id": "lht65", "hardware_version": "_unknown_hw_version_",
            "firmware_version": "1.8", "band_id": "US_902_928"
        },
        "network_ids": {"net_id": "000013", "tenant_id": "ttn", "cluster_id": "nam1"},
        "attributes": {"unit": "walk-in-2"}
    })
}

/// The complete example with one member of its uplink replaced; `null` removes it.
pub(crate) fn with(key: &str, value: Value) -> Value {
    let mut message = complete();
    let uplink = message["uplink_message"].as_object_mut().unwrap();
    if value.is_null() {
        uplink.remove(key);
    } else {
        uplink.insert(key.to_owned(), value);
    }
    message
}

pub(crate) fn event(message: &Value) -> LnsEvent {
    let body = serde_json::to_vec(message).unwrap();
    parse_event(
        Network::TheThingsStack,
        "uplink",
        &body,
        &DeviceIdentity::default(),
    )
    .unwrap()
}
