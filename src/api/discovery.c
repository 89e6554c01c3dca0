/* What a client reads to find out what this server can do. */
#include "api/routes.h"
#include "matrix/contact.h"
#include "matrix/version.h"

static const char *const versions[] = {"r0.5.0", "r0.6.0", "r0.6.1", "v1.1",  "v1.2",  "v1.3",  "v1.4",  "v1.5",
                                       "v1.6",   "v1.7",   "v1.8",   "v1.9",  "v1.10", "v1.11", "v1.12", "v1.13",
                                       "v1.14",  "v1.15",  "v1.16",  "v1.17", "v1.18", "v1.19"};
/* What became part of the specification, for clients that still look for the names from before. */
static const char *const features[] = {"org.matrix.e2e_cross_signing", "org.matrix.msc2285.stable", "org.matrix.msc3440.stable",
                                       "org.matrix.msc3827.stable", "uk.tcpip.msc4133.stable"};

enum err api_versions(struct api *r)
{
    struct json_out *o = &r->json;
    json_object(o);
    json_key(o, "versions");
    json_array(o);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        json_put_str(o, str_c(versions[i]));
    json_end(o);
    json_key(o, "unstable_features");
    json_object(o);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        json_bool_member(o, features[i], true);
    json_end(o);
    json_end(o);
    return ERR_OK;
}

enum err api_well_known(struct api *r)
{
    struct str url = api_config(r->server)->public_url;
    if (str_empty(url)) return fault_set(&r->fault, ERR_NOT_FOUND, "This server announces no public address.");
    json_object(&r->json);
    json_key(&r->json, "m.homeserver");
    json_object(&r->json);
    json_str_member(&r->json, "base_url", url);
    json_end(&r->json);
    json_end(&r->json);
    return ERR_OK;
}

static void write_contacts(struct json_out *o, const struct api_config *c, struct str *page)
{
    bool begun = false;
    for (size_t i = 0; i < c->admin_contacts; i++) {
        enum contact_kind kind = contact_kind(c->admin_contact[i]);
        if (kind == CONTACT_PAGE) *page = c->admin_contact[i];
        if (kind == CONTACT_PAGE) continue;
        if (!begun) {
            json_key(o, "contacts");
            json_array(o);
            begun = true;
        }
        json_object(o);
        json_str_member(o, "role", STR("m.role.admin"));
        json_str_member(o, kind == CONTACT_USER ? "matrix_id" : "email_address", c->admin_contact[i]);
        json_end(o);
    }
    if (begun) json_end(o);
}

enum err api_well_known_support(struct api *r)
{
    const struct api_config *c = api_config(r->server);
    struct str page = {0};
    if (!c->admin_contacts) return fault_set(&r->fault, ERR_NOT_FOUND, "This server announces no contact.");
    json_object(&r->json);
    write_contacts(&r->json, c, &page);
    if (page.p) json_str_member(&r->json, "support_page", page);
    json_end(&r->json);
    return ERR_OK;
}

static void capability(struct json_out *o, const char *name, bool enabled)
{
    json_key(o, name);
    json_object(o);
    json_bool_member(o, "enabled", enabled);
    json_end(o);
}

static void write_room_versions(struct json_out *o, const struct room_version *otherwise)
{
    json_key(o, "m.room_versions");
    json_object(o);
    json_str_member(o, "default", str_c(otherwise->name));
    json_key(o, "available");
    json_object(o);
    for (unsigned n = ROOM_VERSION_FIRST; n <= ROOM_VERSION_LAST; n++) {
        const struct room_version *v = room_version_number(n);
        if (v && v->supported) json_str_member(o, v->name, STR("stable"));
    }
    json_end(o);
    json_end(o);
}

enum err api_capabilities(struct api *r)
{
    struct json_out *o = &r->json;
    json_object(o);
    json_key(o, "capabilities");
    json_object(o);
    write_room_versions(o, api_config(r->server)->room_version);
    capability(o, "m.change_password", true);
    capability(o, "m.profile_fields", true);
    capability(o, "m.set_displayname", true);
    capability(o, "m.set_avatar_url", true);
    capability(o, "m.3pid_changes", false);
    capability(o, "m.get_login_token", false);
    json_end(o);
    json_end(o);
    return ERR_OK;
}

/* There are no bridges: {} says so. */
enum err api_thirdparty_protocols(struct api *r)
{
    (void)r;
    return ERR_OK;
}
