#include "store/rocksdb/priv.h"

void door_init(struct door *d)
{
    *d = (struct door){0};
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
}

void door_release(struct door *d)
{
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
}

rocksdb_t *door_enter(struct door *d, bool wait)
{
    pthread_mutex_lock(&d->lock);
    while (wait && d->between)
        pthread_cond_wait(&d->changed, &d->lock);
    rocksdb_t *db = d->db;
    if (db) d->inside++;
    pthread_mutex_unlock(&d->lock);
    return db;
}

void door_leave(struct door *d)
{
    pthread_mutex_lock(&d->lock);
    if (--d->inside == 0) pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

rocksdb_t *door_shut(struct door *d)
{
    pthread_mutex_lock(&d->lock);
    rocksdb_t *db = d->db;
    d->db = NULL;
    d->between = true;
    while (d->inside)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    return db;
}

void door_open(struct door *d, rocksdb_t *db)
{
    pthread_mutex_lock(&d->lock);
    d->db = db;
    d->between = false;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

void door_cold(struct door *d, int change)
{
    pthread_mutex_lock(&d->lock);
    d->cold += (unsigned)change;
    if (d->cold == 0) pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

void door_wait_cold(struct door *d)
{
    pthread_mutex_lock(&d->lock);
    while (d->cold)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
}
