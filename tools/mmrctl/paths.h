/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the kernel, below a root that can be set, so that tests can use recorded
 * trees.
 */
#ifndef MMRCTL_PATHS_H
#define MMRCTL_PATHS_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct path {
	char text[PATH_MAX];
};

/**
 * paths_init - set where the kernel's files are
 * @root: folder that has sys, proc, dev, run, etc and lib/modules; NULL for /
 * @sysfs: folder that takes the place of sys in @root, or NULL
 */
void paths_init(const char *root, const char *sysfs);

/* Whether sysfs is a recording, and no kernel's */
bool paths_are_recorded(void);
/* Whether another root than / is in use */
bool paths_have_root(void);

struct path sys_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct path root_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A file in the function's folder in sysfs */
struct path function_path(const char *bdf, const char *file);

/*
 * A file may be missing, or be denied to this user. All functions below note denials;
 * paths_denied() is true if there was any since paths_forget_denials().
 */
void paths_forget_denials(void);
bool paths_denied(void);

bool path_exists(const struct path *path);
/* False as well if there is no such file */
bool path_is_readable(const struct path *path);
/* As opendir() */
DIR *open_folder(const char *path);

/* A file of one read; false, and an empty text, if it cannot be read */
bool read_text(const struct path *path, char *text, size_t size);
/* First line of a file without its end; false, and an empty text, if it cannot be read */
bool read_line(const struct path *path, char *text, size_t size);
/* The number that a file holds, in C's notation; @fallback if there is none */
long long read_number(const struct path *path, long long fallback);
/* A symbolic link's target; false, and an empty text, if there is none */
bool link_target(int folder, const char *file, char *target, size_t size);
/* Last part of a symbolic link's target; false, and an empty text, if there is none */
bool link_name(const struct path *path, char *name, size_t size);
/* Write @text in one piece to a file that exists; 0 or a negative error code */
int write_text(const struct path *path, const char *text);

#endif /* MMRCTL_PATHS_H */
