#include "broker/broker.h"

static bool may_stand_in_a_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool broker_name_ok(struct str name)
{
    if (name.n == 0 || name.n > BROKER_NAME_MAX) return false;
    for (size_t i = 0; i < name.n; i++)
        if (!may_stand_in_a_name(name.p[i])) return false;
    return true;
}
