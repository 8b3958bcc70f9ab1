import uuid

from django.db import migrations, models

STATUSES = ((0, "Queued"), (1, "In progress"), (2, "Completed"), (3, "Failed"), (4, "Cancelled"))


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Task",
            fields=(
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                ("task", models.CharField(max_length=127)),
                ("args", models.TextField(blank=True, null=True)),
                ("status", models.IntegerField(choices=STATUSES, default=0)),
                ("output", models.TextField(blank=True, null=True)),
            ),
        ),
    )
