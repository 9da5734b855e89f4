//! Changing memberships, under the organization's head: whoever holds it sees them as they are.

use super::Connection;
use crate::store::column::parse;
use crate::store::error::failed;
use freshtrack_core::error::StoreError;
use freshtrack_core::ports::MemberChange;
use freshtrack_core::principal::Role;

/// Makes one change, if the member has the expected role.
pub(super) async fn apply(
    conn: &mut Connection,
    org_key: i64,
    change: &MemberChange,
) -> Result<(), StoreError> {
    let member: Option<(i64, String)> = sqlx::query_as(
        "SELECT m.user_key, m.role FROM app_user u JOIN membership m ON m.user_key = u.key
         WHERE u.id = $1 AND m.org_key = $2",
    )
    .bind(change.user.as_uuid())
    .bind(org_key)
    .fetch_optional(&mut *conn)
    .await
    .map_err(failed)?;
    let (user_key, role) = member.ok_or(StoreError::Missing { what: "member" })?;
    let role: Role = parse("membership", "role", &role)?;
    if role != change.expected {
        return Err(StoreError::Conflict);
    }
    let statement = match change.to {
        Some(to) if to == role => return Ok(()),
        Some(to) => {
            sqlx::query("UPDATE membership SET role = $3 WHERE org_key = $1 AND user_key = $2")
                .bind(org_key)
                .bind(user_key)
                .bind(to.as_str())
        }
        None => sqlx::query("DELETE FROM membership WHERE org_key = $1 AND user_key = $2")
            .bind(org_key)
            .bind(user_key),
    };
    statement.execute(conn).await.map(|_| ()).map_err(failed)
}

/// Refuses what would leave the organization without an owner.
pub(super) async fn keeps_an_owner(conn: &mut Connection, org_key: i64) -> Result<(), StoreError> {
    let owners: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM membership WHERE org_key = $1 AND role = $2")
            .bind(org_key)
            .bind(Role::Owner.as_str())
            .fetch_one(conn)
            .await
            .map_err(failed)?;
    if owners == 0 {
        return Err(StoreError::Refused { rule: "last_owner" });
    }
    Ok(())
}
