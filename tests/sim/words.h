/* words - what generated bases are made of; NULL-terminated lists.
 * Owns:    static.    Threads: any.    Errors:  none. */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

extern const char *const words_base[];
extern const char *const words_table[];
extern const char *const words_status[];
extern const char *const words_tags[];
extern const char *const words_adjective[];
extern const char *const words_noun[];
extern const char *const words_person[];
extern const char *const words_sentence[];

#endif
