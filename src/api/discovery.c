/* What a client reads to find out what this server can do. */
#include "api/routes.h"
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

static void capability(struct json_out *o, const char *name, bool enabled)
{
    json_key(o, name);
    json_object(o);
    json_bool_member(o, "enabled", enabled);
    json_end(o);
}

static void write_room_versions(struct json_out *o)
{
    json_key(o, "m.room_versions");
    json_object(o);
    json_str_member(o, "default", str_c(room_version_default()->name));
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
    write_room_versions(o);
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
