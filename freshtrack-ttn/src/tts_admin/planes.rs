//! A device's four registries on The Things Stack.

use super::{TtsAdmin, Url, device_path, identity, regional};
use crate::ports::{DevicePlanes, LnsAdmin, PlaneRecord, WriteMode};
use crate::provisioning::enrolment::{DeviceRef, Enrolment};
use crate::provisioning::fault::{FaultClass, LnsFault};
use crate::provisioning::plane::Plane;
use crate::provisioning::rights::Job;
use crate::secrets::AppKey;
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;

impl TtsAdmin {
    fn device_url(&self, plane: Plane, device: &DeviceRef, query: &str) -> Url {
        let path = device_path(device);
        let server = match plane {
            Plane::Identity => {
                return identity(self.cluster.identity(), &format!("{path}{query}"));
            }
            Plane::Join => "js",
            Plane::Network => "ns",
            Plane::Application => "as",
        };
        regional(self.cluster.regional(), &format!("{server}/{path}{query}"))
    }

    /// Says what the key lacks, where the network only said that it lacks something.
    async fn name_missing(&self, device: &DeviceRef, fault: LnsFault) -> LnsFault {
        if !matches!(fault.class, FaultClass::Rights { .. }) {
            return fault;
        }
        let missing = match self.rights(&device.application).await {
            Ok(held) => Job::ManageDevices.missing(&held),
            // Then nobody knows which; the fault stands.
            Err(_) => return fault,
        };
        LnsFault {
            class: FaultClass::Rights { missing },
            ..fault
        }
    }

    /// The request that writes a plane: method and body.
    fn write_request(
        &self,
        plane: Plane,
        enrolment: &Enrolment,
        key: Option<&AppKey>,
        mode: WriteMode,
    ) -> (Method, Value) {
        let host = self.cluster.regional().host();
        let ids = json!({
            "device_id": enrolment.device.name,
            "dev_eui": enrolment.dev_eui,
            "join_eui": enrolment.join_eui,
        });
        let id_paths = ["ids.device_id", "ids.dev_eui", "ids.join_eui"];
        let mut method = Method::PUT;
        let (device, paths): (Value, Vec<&str>) = match plane {
            Plane::Identity => {
                let mut paths = vec![
                    "name",
                    "network_server_address",
                    "application_server_address",
                    "join_server_address",
                ];
                if mode == WriteMode::Create {
                    method = Method::POST;
                    paths.extend(["ids.dev_eui", "ids.join_eui"]);
                }
                let device = json!({
                    "ids": ids,
                    "name": enrolment.label,
                    "network_server_address": host,
                    "application_server_address": host,
                    "join_server_address": host,
                });
                (device, paths)
            }
            Plane::Join => {
                let mut device = json!({
                    "ids": ids,
                    "network_server_address": host,
                    "application_server_address": host,
                });
                let mut paths = vec!["network_server_address", "application_server_address"];
                if let Some(key) = key {
                    device["root_keys"] = json!({"app_key": {"key": hex(key.expose())}});
                    paths.push("root_keys.app_key.key");
                }
                paths.extend(id_paths);
                (device, paths)
            }
            Plane::Network => {
                let radio = &enrolment.radio;
                let device = json!({
                    "ids": ids,
                    "supports_join": true,
                    "supports_class_c": radio.class_c,
                    "lorawan_version": radio.version.mac(),
                    "lorawan_phy_version": radio.version.phy(),
                    "frequency_plan_id": radio.frequency_plan,
                });
                let mut paths = vec![
                    "supports_join",
                    "supports_class_c",
                    "lorawan_version",
                    "lorawan_phy_version",
                    "frequency_plan_id",
                ];
                paths.extend(id_paths);
                (device, paths)
            }
            Plane::Application => (json!({"ids": ids}), id_paths.to_vec()),
        };
        let body = json!({"end_device": device, "field_mask": {"paths": paths}});
        (method, body)
    }
}

#[async_trait]
impl DevicePlanes for TtsAdmin {
    async fn read(
        &self,
        plane: Plane,
        device: &DeviceRef,
    ) -> Result<Option<PlaneRecord>, LnsFault> {
        let mask = match plane {
            Plane::Identity => "?field_mask=ids,name",
            Plane::Join | Plane::Network | Plane::Application => "?field_mask=ids",
        };
        let url = self.device_url(plane, device, mask);
        match self.look_up(url).await {
            Ok(found) => Ok(found.map(|body| PlaneRecord {
                dev_eui: parsed(&body["ids"]["dev_eui"]),
                join_eui: parsed(&body["ids"]["join_eui"]),
                label: body["name"].as_str().map(str::to_owned),
            })),
            Err(fault) => Err(self.name_missing(device, fault).await),
        }
    }

    async fn write(
        &self,
        plane: Plane,
        enrolment: &Enrolment,
        key: Option<&AppKey>,
        mode: WriteMode,
    ) -> Result<(), LnsFault> {
        let (method, body) = self.write_request(plane, enrolment, key, mode);
        let url = if method == Method::POST {
            let path = format!("applications/{}/devices", enrolment.device.application);
            identity(self.cluster.identity(), &path)
        } else {
            self.device_url(plane, &enrolment.device, "")
        };
        match self.call(method, url, Some(&body)).await {
            Ok(_) => Ok(()),
            Err(fault) => Err(self.name_missing(&enrolment.device, fault).await),
        }
    }

    async fn delete(&self, plane: Plane, device: &DeviceRef) -> Result<(), LnsFault> {
        match self.remove(self.device_url(plane, device, "")).await {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.name_missing(device, fault).await),
        }
    }
}

/// An id inside an answer; one that cannot be read is as good as none.
fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn hex(key: &[u8]) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}
