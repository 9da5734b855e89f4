//! A fake network, a saga store, a clock, and a device to bring there.

use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_ttn::fake::FakeNetwork;
use freshtrack_ttn::ids::{ApplicationId, DevEui, DeviceName, JoinEui};
use freshtrack_ttn::memory::MemorySagas;
use freshtrack_ttn::ports::SagaStore;
use freshtrack_ttn::provisioning::enrolment::{
    DeviceRef, Enrolment, LorawanVersion, Radio, device_name,
};
use freshtrack_ttn::provisioning::plane::Plane;
use freshtrack_ttn::provisioning::saga::{Goal, Saga, SagaState};
use freshtrack_ttn::provisioning::{Progress, Provisioner};
use freshtrack_ttn::secrets::{ApiKey, AppKey};
use freshtrack_ttn::tts_admin::TtsAdmin;
use std::sync::atomic::{AtomicI64, Ordering};

pub(crate) const KEY: &str = "NNSXS.A-KEY-OF-THE-FAKE";
pub(crate) const EUI: DevEui = DevEui::from_bytes([0xA8, 0x40, 0x41, 0xFF, 0xFF, 0x1C, 0x2D, 0x3E]);

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub(crate) struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct House {
    pub(crate) network: FakeNetwork,
    pub(crate) admin: TtsAdmin,
    pub(crate) sagas: MemorySagas,
    pub(crate) clock: StandingClock,
    pub(crate) org: OrgId,
}

pub(crate) fn application() -> ApplicationId {
    "kitchen-one".parse().unwrap()
}

pub(crate) fn name() -> DeviceName {
    device_name(EUI)
}

pub(crate) fn enrolment() -> Enrolment {
    Enrolment {
        device: DeviceRef {
            application: application(),
            name: name(),
        },
        dev_eui: EUI,
        join_eui: JoinEui::from_bytes([0x70, 0xB3, 0xD5, 0x7E, 0xD0, 0, 0, 1]),
        label: "Walk-in freezer".to_owned(),
        radio: Radio {
            version: LorawanVersion::V1_0_3,
            frequency_plan: "EU_863_870_TTN".to_owned(),
            class_c: false,
        },
    }
    .checked()
    .unwrap()
}

pub(crate) fn key() -> AppKey {
    AppKey::from_bytes([0x5A; 16])
}

impl House {
    pub(crate) async fn new() -> Self {
        let network = FakeNetwork::start(KEY).await.unwrap();
        let admin = admin(&network);
        Self {
            admin,
            network,
            sagas: MemorySagas::default(),
            clock: StandingClock::default(),
            org: OrgId::from_uuid(uuid(1)),
        }
    }

    /// With a saga of this goal stored.
    pub(crate) async fn with(goal: Goal) -> Self {
        let house = Self::new().await;
        let saga = Saga::new(goal, enrolment());
        house.sagas.start(house.org, saga).await.unwrap();
        house
    }

    /// With the device on all four planes and a saga to remove it.
    pub(crate) async fn provisioned() -> Self {
        let house = Self::with(Goal::Provision).await;
        assert_eq!(house.settle().await.state, SagaState::Complete);
        house.edit(|saga| saga.turn(Goal::Deprovision)).await;
        house
    }

    pub(crate) fn provisioner(&self) -> Provisioner<'_> {
        Provisioner::new(&self.admin, &self.sagas, &self.clock)
    }

    /// One turn of a worker.
    pub(crate) async fn turn(&self) -> Saga {
        let key = key();
        let progress = self
            .provisioner()
            .run(self.org, EUI, Some(&key), 0.5)
            .await
            .unwrap();
        match progress {
            Progress::Standing(saga) => *saga,
            Progress::NotOurs => panic!("nobody else is here"),
        }
    }

    /// Turns, with the clock moved to each next one, until nothing comes by itself.
    pub(crate) async fn settle(&self) -> Saga {
        for _ in 0..40 {
            let saga = self.turn().await;
            if saga.is_at_rest() {
                return saga;
            }
            let at = saga.not_before.expect("a saga that does not rest waits");
            let seconds = at.as_micros() / 1_000_000 + 1;
            self.clock.0.store(seconds, Ordering::SeqCst);
        }
        panic!("it never comes to rest");
    }

    /// Moves the clock.
    pub(crate) fn pass(&self, span: Span) {
        self.clock.0.fetch_add(span.as_seconds(), Ordering::SeqCst);
    }

    /// Changes the stored saga, as a route would.
    pub(crate) async fn edit(&self, change: impl FnOnce(&mut Saga)) {
        let now = self.clock.now();
        let until = now + Span::from_minutes(1);
        let claimed = self.sagas.claim(self.org, EUI, now, until).await.unwrap();
        let mut claimed = claimed.unwrap();
        change(&mut claimed.saga);
        claimed.version = self.sagas.save(&claimed).await.unwrap();
        self.sagas.release(&claimed).await.unwrap();
    }

    /// The planes that have the device.
    pub(crate) fn planes(&self) -> Vec<Plane> {
        let has = |plane: &Plane| self.network.has(*plane, &application(), &name());
        Plane::ALL.into_iter().filter(has).collect()
    }

    pub(crate) fn assert_no_strays(&self) {
        let none: [String; 0] = [];
        assert_eq!(self.network.strays(), none, "RL-13");
    }
}

/// A client as the server makes it: no redirect is followed.
pub(crate) fn http() -> reqwest::Client {
    // Whoever comes second finds one installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(crate) fn admin(network: &FakeNetwork) -> TtsAdmin {
    TtsAdmin::new(
        http(),
        network.cluster().clone(),
        ApiKey::new(KEY.to_owned()),
    )
}

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}
