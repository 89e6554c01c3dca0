/* Made from tables.def by tools/gen-columns. Do not edit. */
#ifndef ROOKERY_STORE_COLUMNS_H
#define ROOKERY_STORE_COLUMNS_H

enum { C_letter_out_to_slot, C_letter_out_number, C_letter_out_command};
enum { C_letter_in_from_slot, C_letter_in_number};
enum { C_room_room_id, C_room_version, C_room_creator, C_room_room_type, C_room_created_ms, C_room_public, C_room_position};
enum { C_timeline_room_id, C_timeline_ord, C_timeline_position, C_timeline_event_id, C_timeline_json, C_timeline_fed, C_timeline_redacted_by, C_timeline_device_txn, C_timeline_extra};
enum { C_event_id_room_id, C_event_id_event_id, C_event_id_ord};
enum { C_state_log_room_id, C_state_log_type, C_state_log_state_key, C_state_log_position, C_state_log_ord};
enum { C_txn_scope, C_txn_device_txn, C_txn_answer, C_txn_made_ms};
enum { C_relation_room_id, C_relation_parent, C_relation_rel_type, C_relation_ord, C_relation_event_id, C_relation_sender, C_relation_type, C_relation_key};
enum { C_thread_room_id, C_thread_root, C_thread_latest_ord, C_thread_count};
enum { C_receipt_room_id, C_receipt_user_id, C_receipt_receipt_type, C_receipt_thread_id, C_receipt_event_id, C_receipt_ord, C_receipt_ts, C_receipt_position};
enum { C_room_device_change_room_id, C_room_device_change_user_id, C_room_device_change_position};
enum { C_room_alias_of_room_id, C_room_alias_of_alias};
enum { C_report_subject, C_report_position, C_report_reporter, C_report_json, C_report_made_ms};
enum { C_alias_alias, C_alias_room_id, C_alias_creator};
enum { C_user_user_id, C_user_password_hash, C_user_created_ms, C_user_kind, C_user_deactivated, C_user_position};
enum { C_device_user_id, C_device_device_id, C_device_display_name, C_device_created_ms, C_device_seen_ms, C_device_seen_ip};
enum { C_token_user_id, C_token_hash, C_token_device_id, C_token_kind, C_token_expires_ms, C_token_pair};
enum { C_profile_user_id, C_profile_field, C_profile_json};
enum { C_account_data_user_id, C_account_data_room_id, C_account_data_type, C_account_data_json, C_account_data_position};
enum { C_user_room_user_id, C_user_room_room_id, C_user_room_membership, C_user_room_position, C_user_room_room_position, C_user_room_json, C_user_room_forgotten};
enum { C_filter_user_id, C_filter_filter_id, C_filter_json};
enum { C_device_key_user_id, C_device_key_device_id, C_device_key_json, C_device_key_position};
enum { C_one_time_key_user_id, C_one_time_key_device_id, C_one_time_key_algorithm, C_one_time_key_key_id, C_one_time_key_json, C_one_time_key_position};
enum { C_fallback_key_user_id, C_fallback_key_device_id, C_fallback_key_algorithm, C_fallback_key_key_id, C_fallback_key_json, C_fallback_key_used};
enum { C_cross_signing_key_user_id, C_cross_signing_key_usage, C_cross_signing_key_json, C_cross_signing_key_position};
enum { C_key_signature_user_id, C_key_signature_target, C_key_signature_signer, C_key_signature_key_id, C_key_signature_signature};
enum { C_device_change_user_id, C_device_change_other, C_device_change_position, C_device_change_left};
enum { C_to_device_user_id, C_to_device_device_id, C_to_device_position, C_to_device_part, C_to_device_json};
enum { C_backup_version_user_id, C_backup_version_version, C_backup_version_algorithm, C_backup_version_auth_data, C_backup_version_etag, C_backup_version_count, C_backup_version_deleted};
enum { C_backup_key_user_id, C_backup_key_version, C_backup_key_room_id, C_backup_key_session_id, C_backup_key_json};
enum { C_openid_user_id, C_openid_hash, C_openid_expires_ms};
enum { C_registration_token_token, C_registration_token_uses_allowed, C_registration_token_uses, C_registration_token_expires_ms};
enum { C_media_media_id, C_media_user_id, C_media_hash, C_media_content_type, C_media_file_name, C_media_size, C_media_created_ms, C_media_pending_until_ms};
enum { C_public_room_room_id, C_public_room_listed_ms, C_public_room_joined, C_public_room_entry};
enum { C_answered_position, C_answered_answers};
enum { C_changed_owner, C_changed_table_number, C_changed_position};

#endif
