#include "main/settings.h"

const struct setting_row setting_rows[] = {
#define SECTION(name, help)
#define SECTION_END(name)
#define SETTING(section, name, TYPE, otherwise, min, max, help)                                                                            \
    {#section, #name, SETTING_##TYPE, otherwise, NULL, min, max, help, offsetof(struct settings, section.name)},
#define CHOICE(section, name, otherwise, words, help)                                                                                      \
    {#section, #name, SETTING_CHOICE, otherwise, words, 0, 0, help, offsetof(struct settings, section.name)},
#include "main/settings.def"
#undef SECTION
#undef SETTING
#undef CHOICE
};
const size_t setting_row_count = sizeof setting_rows / sizeof *setting_rows;

const struct setting_section setting_sections[] = {
#define SECTION(name, help) {#name, help},
#define SETTING(section, name, TYPE, otherwise, min, max, help)
#define CHOICE(section, name, otherwise, words, help)
#include "main/settings.def"
#undef SECTION
#undef SECTION_END
#undef SETTING
#undef CHOICE
};
const size_t setting_section_count = sizeof setting_sections / sizeof *setting_sections;

const struct setting_row *setting_find(struct str section, struct str name)
{
    for (size_t i = 0; i < setting_row_count; i++)
        if (str_is(section, setting_rows[i].section) && str_is(name, setting_rows[i].name)) return &setting_rows[i];
    return NULL;
}
