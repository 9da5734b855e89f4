//! What the fake network knows, and what shall go wrong with it.

use super::{Fault, Times, Verb};
use crate::ids::{ApplicationId, DevEui, DeviceName};
use crate::provisioning::plane::Plane;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct Injected {
    plane: Plane,
    verb: Verb,
    fault: Fault,
    /// `None` is for ever.
    left: Option<u32>,
}

/// The network's memory.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) key: String,
    pub(super) rights: BTreeSet<String>,
    planes: [BTreeMap<(String, String), Value>; 4],
    written: [usize; 4],
    webhooks: BTreeMap<(String, String), Value>,
    elsewhere: BTreeSet<String>,
    faults: Vec<Injected>,
    pub(super) calls: Vec<String>,
    pub(super) strays: Vec<String>,
}

impl Registry {
    pub(super) fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            rights: ["RIGHT_APPLICATION_ALL".to_owned()].into(),
            planes: Default::default(),
            written: [0; 4],
            webhooks: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            faults: Vec::new(),
            calls: Vec::new(),
            strays: Vec::new(),
        }
    }

    pub(super) fn inject(&mut self, plane: Plane, verb: Verb, fault: Fault, times: Times) {
        let left = match times {
            Times::Once => Some(1),
            Times::Few(n) => Some(n),
            Times::Always => None,
        };
        self.faults.push(Injected {
            plane,
            verb,
            fault,
            left,
        });
    }

    pub(super) fn heal(&mut self) {
        self.faults.clear();
    }

    pub(super) fn grant(&mut self, rights: &[&str]) {
        self.rights = rights.iter().map(|right| (*right).to_owned()).collect();
    }

    /// The fault this call meets, if any.
    pub(super) fn fault(&mut self, plane: Plane, verb: Verb) -> Option<Fault> {
        let injected = self.faults.iter_mut().find(|injected| {
            injected.plane == plane && injected.verb == verb && injected.left != Some(0)
        })?;
        injected.left = injected.left.map(|left| left - 1);
        Some(injected.fault)
    }

    pub(super) fn place(
        &mut self,
        plane: Plane,
        application: &ApplicationId,
        device: &DeviceName,
        dev_eui: DevEui,
    ) {
        let key = (application.to_string(), device.to_string());
        let record = json!({"ids": {
            "device_id": device,
            "application_ids": {"application_id": application},
            "dev_eui": dev_eui,
        }});
        self.planes[plane as usize].insert(key, record);
    }

    pub(super) fn take_elsewhere(&mut self, dev_eui: DevEui) {
        self.elsewhere.insert(dev_eui.to_string());
    }

    pub(super) fn get(
        &self,
        plane: Plane,
        application: &ApplicationId,
        device: &DeviceName,
    ) -> Option<&Value> {
        self.find(plane, application.as_str(), device.as_str())
    }

    pub(super) fn find(&self, plane: Plane, application: &str, device: &str) -> Option<&Value> {
        let key = (application.to_owned(), device.to_owned());
        self.planes[plane as usize].get(&key)
    }

    pub(super) const fn writes(&self, plane: Plane) -> usize {
        self.written[plane as usize]
    }

    pub(super) fn is_elsewhere(&self, dev_eui: &str) -> bool {
        self.elsewhere.contains(dev_eui)
    }

    /// Another record of the plane with this `DevEUI`: its application and device.
    pub(super) fn holder(
        &self,
        plane: Plane,
        dev_eui: &str,
        but: (&str, &str),
    ) -> Option<(String, String)> {
        self.planes[plane as usize]
            .iter()
            .find(|((app, device), record)| {
                record["ids"]["dev_eui"] == dev_eui && (app.as_str(), device.as_str()) != but
            })
            .map(|(key, _)| key.clone())
    }

    pub(super) fn store(&mut self, plane: Plane, application: &str, device: &str, record: Value) {
        self.written[plane as usize] += 1;
        let key = (application.to_owned(), device.to_owned());
        self.planes[plane as usize].insert(key, record);
    }

    /// Whether there was something.
    pub(super) fn delete(&mut self, plane: Plane, application: &str, device: &str) -> bool {
        let key = (application.to_owned(), device.to_owned());
        self.planes[plane as usize].remove(&key).is_some()
    }

    /// Identities of an application in order of name.
    pub(super) fn devices(&self, application: &str) -> Vec<Value> {
        self.planes[Plane::Identity as usize]
            .iter()
            .filter(|((app, _), _)| app == application)
            .map(|(_, record)| json!({"ids": record["ids"]}))
            .collect()
    }

    pub(super) fn webhook(&self, application: &str, id: &str) -> Option<&Value> {
        self.webhooks.get(&(application.to_owned(), id.to_owned()))
    }

    pub(super) fn set_webhook(&mut self, application: &str, id: &str, webhook: Option<Value>) {
        let key = (application.to_owned(), id.to_owned());
        match webhook {
            Some(webhook) => self.webhooks.insert(key, webhook),
            None => self.webhooks.remove(&key),
        };
    }
}
