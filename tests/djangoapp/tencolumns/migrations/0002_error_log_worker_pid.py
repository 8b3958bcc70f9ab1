from django.db import migrations, models


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    dependencies = (("django_simple_queue", "0001_initial"),)
    operations = (
        migrations.AddField("task", "error", models.TextField(blank=True, null=True)),
        migrations.AddField("task", "log", models.TextField(blank=True, null=True)),
        migrations.AddField("task", "worker_pid", models.IntegerField(blank=True, null=True)),
    )
