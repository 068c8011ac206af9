/* In place of the options of Debian's build: those of a device, in user_settings.h. */
